import assert from 'node:assert/strict';
import type { Body, Configuration } from './configuration.ts';

/** The body of the resource of that address. Throws where there is none. */
export function resourceBody(configuration: Configuration, address: string): Body {
  const found = configuration.resources.find((one) => one.address === address);
  assert.ok(found, address);
  return found.body;
}

/** The one body of a nested block, also of one that is generated. Throws where there is none, or another one. */
export function innerBody(body: Body, name: string): Body {
  const generated = (body.dynamic as Record<string, Body[]> | undefined)?.[name];
  const bodies = generated?.flatMap(({ content }) => content as Body[]) ?? (body[name] as Body[] | undefined);
  const [first, ...others] = bodies ?? [];
  assert.ok(first && others.length === 0, name);
  return first;
}

/** The value at a path of nested blocks: `event_trigger.retry_policy`. */
export function valueAt(body: Body, path: string): unknown {
  const names = path.split('.');
  const last = names.pop() ?? '';
  return names.reduce(innerBody, body)[last];
}
