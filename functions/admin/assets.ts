import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Hono } from 'hono';
import type { AdminEnv } from './request.ts';

const FILES = {
  'admin.css': '#admin/assets/admin.css',
  'admin.js': '#admin/assets/admin.js',
  'uplot.css': 'uplot/dist/uPlot.min.css',
  'uplot.js': 'uplot/dist/uPlot.iife.min.js',
  'idiomorph.js': 'idiomorph/dist/idiomorph.min.js',
} as const;

type AssetName = keyof typeof FILES;

const TYPES: Record<string, string> = {
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
};

const contents = new Map(
  Object.entries(FILES).map(([name, file]) => [name, readFileSync(fileURLToPath(import.meta.resolve(file)))]),
);

/** Changes with the content, so that a browser may keep the file for ever. */
const addresses = new Map(
  [...contents].map(([name, content]) => {
    const hash = createHash('sha256').update(content).digest('base64url').slice(0, 12);
    return [name, `/assets/${hash}/${name}`];
  }),
);

/** The address of a file that pages use. */
export function asset(name: AssetName): string {
  return addresses.get(name) ?? name;
}

/** Answers the files that pages use. */
export function assets(): Hono<AdminEnv> {
  const app = new Hono<AdminEnv>();
  app.get('/:hash/:name', (c) => {
    const name = c.req.param('name');
    const content = contents.get(name);
    if (content === undefined || addresses.get(name) !== c.req.path) return c.notFound();
    return c.body(new Uint8Array(content), 200, {
      'cache-control': 'private, max-age=31536000, immutable',
      'content-type': TYPES[name.split('.').at(-1) ?? ''] ?? 'application/octet-stream',
    });
  });
  return app;
}
