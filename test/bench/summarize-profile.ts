import type { Profiler } from 'node:inspector';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A function, and the share of the busy time of the main thread that it took itself, without what it called. */
export type Place = { place: string; share: number };

/** This program runs built, beside what it measures. */
const BUILT = fileURLToPath(new URL('../../', import.meta.url));
/** Waiting, and the profiler itself. */
const NOT_COUNTED = /^\(idle\)$|node:inspector/;
const PLACES = 12;

/** The places that took most of the time. The same function of several lines of a file counts as one. */
export function summarizeProfile({ nodes, samples = [], timeDeltas = [] }: Profiler.Profile): Place[] {
  const placeOf = new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
  const microseconds = new Map<string, number>();
  for (const [i, id] of samples.entries()) {
    const place = placeOf.get(id);
    if (place === undefined || NOT_COUNTED.test(place)) continue;
    microseconds.set(place, (microseconds.get(place) ?? 0) + (timeDeltas[i] ?? 0));
  }
  const total = [...microseconds.values()].reduce((sum, each) => sum + each, 0);
  return [...microseconds]
    .sort(([, a], [, b]) => b - a)
    .slice(0, PLACES)
    .map(([place, each]) => ({ place, share: Number((each / total).toFixed(3)) }));
}

/** The path of a file in node_modules, or of the source of a built file. */
function nameOf({ functionName, url }: Profiler.ProfileNode['callFrame']): string {
  const name = functionName === '' ? '(anonymous)' : functionName;
  if (url === '') return name;
  const path = url.startsWith('file:') ? relative(BUILT, fileURLToPath(url)) : url;
  const inPackage = /^.*node_modules\/(.*)$/.exec(path)?.[1];
  return `${name} in ${inPackage ?? path.replace(/\.js$/, '.ts')}`;
}
