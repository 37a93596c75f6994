import assert from 'node:assert/strict';
import { glob, readFile } from 'node:fs/promises';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { DataHubError } from '../../../../shared/errors.ts';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
/** The file of the class makes copies, and bugs of what is no DataHubError. */
const CLASS = 'shared/errors.ts';
/** The line of the constructor and those after it show kind and message. */
const SHOWN_LINES = 5;

/** A place in the code that makes an error: `file:line`. */
export type Site = { place: string; file: string; text: string };

/** The functions or Pub/Sub do everything again after an error of these kinds: there is nothing to do, unless it has advice of its own. */
const PASSES = /^.*new DataHubError\(\s*'(?:transient|superseded|staging_lost|batch_id_collision)'/;

/** All places in functions/ and shared/ that make a DataHubError after which somebody has something to do. */
export async function constructionSites(): Promise<Site[]> {
  const sites: Site[] = [];
  for await (const path of glob(['functions/**/*.ts', 'shared/**/*.ts'], { cwd: ROOT })) {
    if (path === CLASS) continue;
    const lines = (await readFile(ROOT + path, 'utf8')).split('\n');
    for (const [index, line] of lines.entries()) {
      if (!line.includes('new DataHubError(')) continue;
      const text = lines.slice(index, index + SHOWN_LINES).join('\n');
      if (PASSES.test(text) && !text.includes('advice')) continue;
      sites.push({ place: `${path}:${index + 1}`, file: path, text });
    }
  }
  return sites;
}

/** The place that made the error. */
export function siteOf({ stack = '' }: DataHubError): string {
  const frames = stack.matchAll(/file:\/\/(\S+?):(\d+):\d+/g);
  for (const [, file = '', line] of frames) {
    const path = relative(ROOT, decodeURIComponent(file));
    if (path !== CLASS) return `${path}:${line}`;
  }
  return assert.fail(`no place in: ${stack}`);
}
