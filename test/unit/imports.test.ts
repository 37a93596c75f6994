import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * The floors of the house, from the top (docs/architecture.md#floors). A file imports from its own room and from floors below. The rooms of
 * one floor do not import each other. A room is a folder, or a list of files that may import each other.
 */
const FLOORS: readonly (readonly Room[])[] = [
  ['functions/index.ts'],
  ['functions/extract', 'functions/merge', 'functions/stream'],
  ['shared/operations'],
  ['shared/batch'],
  ['shared/runtime'],
  ['shared/control', 'shared/source', 'shared/staging', 'shared/warehouse', 'shared/events'],
  ['shared/google', 'shared/postgres'],
  ['shared/config'],
  ['shared/model'],
  [['shared/errors.ts', 'shared/log.ts', 'shared/trace.ts', 'shared/deadline.ts', 'shared/once.ts']],
];

type Room = string | readonly string[];

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** `from '…'`, `import '…'` and `import('…')`. */
const IMPORT = /\b(?:from|import)\s*\(?\s*(['"])([\w@#./:-]+)\1/g;

type Import = { file: string; imported: string };

const files = ['functions', 'shared'].flatMap((folder) =>
  readdirSync(resolve(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => `${folder}/${path.split(sep).join('/')}`),
);
const sources = new Map(files.map((file) => [file, readFileSync(resolve(ROOT, file), 'utf8')]));
const imports = [...sources].flatMap(([file, text]) =>
  [...text.matchAll(IMPORT)].map((found): Import => ({ file, imported: resolved(file, found[2] ?? '') })),
);

describe('imports point one way', () => {
  it('down the floors, and never into another room of the same floor', () => {
    assertNone('imports a floor that is not below it', ({ file, imported }) => {
      const [from, to] = [placeOf(file), placeOf(imported)];
      return to !== null && from !== null && from.room !== to.room && from.floor >= to.floor;
    });
  });

  it('from files that all have a room', () => {
    assert.deepEqual(
      files.filter((file) => placeOf(file) === null),
      [],
    );
  });

  it('and never to what is not deployed', () => {
    const { dependencies } = JSON.parse(readFileSync(resolve(ROOT, 'package.json'), 'utf8')) as {
      dependencies: Record<string, string>;
    };
    const isDeployed = (imported: string) =>
      placeOf(imported) !== null ||
      /^(node:|#)/.test(imported) ||
      Object.keys(dependencies).some((name) => isWithin(imported, name));
    assertNone('imports what is not deployed', ({ imported }) => !isDeployed(imported));
  });

  it('and this test sees every import', () => {
    assert.ok(sources.has('functions/index.ts') && sources.has('shared/control/control.ts'));
    const isLazy = ({ file, imported }: Import) =>
      file === 'functions/index.ts' && imported === 'functions/merge/merge.ts';
    assert.ok(imports.some(isLazy));
  });
});

describe('there is one code path', () => {
  it('in which only clients.ts knows that an endpoint can be overridden', () => {
    assert.deepEqual(filesWith('EMULATOR'), ['shared/google/clients.ts']);
  });

  it('and the environment is read where a process starts', () => {
    assert.deepEqual(filesWith('process.env'), [
      'functions/index.ts',
      'shared/google/clients.ts',
      'shared/runtime/dependencies.ts',
    ]);
  });

  it('and there is one clock', () => {
    assert.deepEqual(filesWith('Date.now()'), ['shared/deadline.ts']);
  });
});

function filesWith(word: string): string[] {
  return [...sources]
    .filter(([, text]) => text.includes(word))
    .map(([file]) => file)
    .toSorted();
}

function assertNone(rule: string, isBroken: (each: Import) => boolean): void {
  const broken = imports.filter(isBroken).map(({ file, imported }) => `${file} → ${imported}`);
  assert.deepEqual(broken, [], rule);
}

/** The room that a path lies in and its floor, counted from the top; null for a path outside the house. */
function placeOf(path: string): { room: Room; floor: number } | null {
  for (const [floor, rooms] of FLOORS.entries()) {
    const room = rooms.find((each) => [each].flat().some((part) => isWithin(path, part)));
    if (room !== undefined) return { room, floor };
  }
  return null;
}

/** A relative import as a path below the project's root; anything else unchanged. */
function resolved(file: string, specifier: string): string {
  if (!specifier.startsWith('.')) return specifier;
  return relative(ROOT, resolve(ROOT, dirname(file), specifier))
    .split(sep)
    .join('/');
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}
