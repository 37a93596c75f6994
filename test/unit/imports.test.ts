import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * The floors, from the top (docs/architecture.md#floors). A file may import from its own room and from floors below. Rooms on the same
 * floor do not import each other. A room is a folder, or a list of files that may import each other.
 */
const FLOORS: readonly (readonly Room[])[] = [
  ['cli'],
  [['functions/compile-cache.ts', 'functions/fill-compile-cache.ts', 'functions/index.ts']],
  ['functions/admin', 'functions/extract', 'functions/merge', 'functions/reconcile', 'functions/stream'],
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

const files = ['cli', 'functions', 'shared'].flatMap((folder) =>
  readdirSync(resolve(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => `${folder}/${path.split(sep).join('/')}`),
);
const sources = new Map(files.map((file) => [file, readFileSync(resolve(ROOT, file), 'utf8')]));
const imports = [...sources].flatMap(([file, text]) =>
  [...text.matchAll(IMPORT)].map((found): Import => ({ file, imported: resolved(file, found[2] ?? '') })),
);

describe('imports', () => {
  it('point only to lower floors, never to another room of the same floor', () => {
    assertNone('imports a floor that is not below it', ({ file, imported }) => {
      const [from, to] = [placeOf(file), placeOf(imported)];
      return to !== null && from !== null && from.room !== to.room && from.floor >= to.floor;
    });
  });

  it('come only from files that belong to a room', () => {
    assert.deepEqual(
      files.filter((file) => placeOf(file) === null),
      [],
    );
  });

  it('point only to files and packages that are deployed', () => {
    const { dependencies } = JSON.parse(readFileSync(resolve(ROOT, 'package.json'), 'utf8')) as {
      dependencies: Record<string, string>;
    };
    const isDeployed = (imported: string) =>
      placeOf(imported) !== null ||
      /^(node:|#)/.test(imported) ||
      Object.keys(dependencies).some((name) => isWithin(imported, name));
    assertNone(
      'imports what is not deployed',
      ({ file, imported }) => runsInCloud(file) && !isDeployed(imported),
    );
  });

  it('are all seen by this test, lazy ones too', () => {
    assert.ok(sources.has('functions/index.ts') && sources.has('shared/control/control.ts'));
    const isLazy = ({ file, imported }: Import) =>
      file === 'functions/index.ts' && imported === 'functions/merge/merge.ts';
    assert.ok(imports.some(isLazy));
  });
});

describe('the code that runs in the cloud', () => {
  it('mentions emulators only in clients.ts, where an endpoint can be overridden', () => {
    assert.deepEqual(filesWith('EMULATOR'), ['shared/google/clients.ts']);
  });

  it('reads the environment only where a process starts', () => {
    assert.deepEqual(filesWith('process.env'), [
      'functions/index.ts',
      'shared/google/clients.ts',
      'shared/runtime/dependencies.ts',
    ]);
  });

  it('has one clock', () => {
    assert.deepEqual(filesWith('Date.now()'), ['shared/deadline.ts']);
  });
});

/** The command line runs on the machine of whoever calls it. */
const runsInCloud = (file: string): boolean => !isWithin(file, 'cli');

function filesWith(word: string): string[] {
  return [...sources]
    .filter(([file, text]) => runsInCloud(file) && text.includes(word))
    .map(([file]) => file)
    .toSorted();
}

function assertNone(rule: string, isBroken: (each: Import) => boolean): void {
  const broken = imports.filter(isBroken).map(({ file, imported }) => `${file} → ${imported}`);
  assert.deepEqual(broken, [], rule);
}

/** The room that a path lies in and its floor, counted from the top; null for a path outside all rooms. */
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
