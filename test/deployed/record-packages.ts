// Loaded before everything else (node --import): tells each package and each file of ours that is loaded, once, on a line.
import { registerHooks } from 'node:module';

const told = new Set<string>();

registerHooks({
  resolve(specifier, context, next) {
    const resolved = next(specifier, context);
    const name = /\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(resolved.url)?.[1];
    const file = /\/dist\/(.+)$/.exec(resolved.url)?.[1];
    const what = name ?? file;
    if (what !== undefined && !told.has(what)) {
      told.add(what);
      process.stdout.write(`loaded ${what}\n`);
    }
    return resolved;
  },
});
