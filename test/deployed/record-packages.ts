// Loaded before everything else (node --import). Prints one line for each package and each file of ours when it is first loaded.
import { registerHooks } from 'node:module';

const printed = new Set<string>();

registerHooks({
  resolve(specifier, context, next) {
    const resolved = next(specifier, context);
    const name = /\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(resolved.url)?.[1];
    const file = /\/dist\/(.+)$/.exec(resolved.url)?.[1];
    const loaded = name ?? file;
    if (loaded !== undefined && !printed.has(loaded)) {
      printed.add(loaded);
      process.stdout.write(`loaded ${loaded}\n`);
    }
    return resolved;
  },
});
