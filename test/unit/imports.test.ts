import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** `from '…'`, `import '…'` and `import('…')`. */
const IMPORT = /\b(?:from|import)\s*\(?\s*(['"])([^'"\n]+)\1/g;

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
  it('from functions to the folders of shared to its plain files', () => {
    assertNone(
      'shared imports functions',
      ({ file, imported }) => within(file, 'shared') && within(imported, 'functions'),
    );
    assertNone(
      'a plain file of shared imports a folder of shared',
      ({ file, imported }) =>
        file.split('/').length === 2 && within(file, 'shared') && sharedFolder(imported) !== null,
    );
  });

  it('and never from one folder of shared into another', () => {
    assertNone(
      'one folder of shared imports another',
      ({ file, imported }) =>
        sharedFolder(file) !== null &&
        sharedFolder(imported) !== null &&
        sharedFolder(file) !== sharedFolder(imported),
    );
  });

  it('and never from one function into another', () => {
    const functionOf = (path: string) => (/^functions\/([^/]+)\//.exec(path) ?? [])[1] ?? null;

    assertNone(
      'one function imports another',
      ({ file, imported }) =>
        functionOf(file) !== null &&
        functionOf(imported) !== null &&
        functionOf(file) !== functionOf(imported),
    );
  });

  it('and never to what is not deployed', () => {
    assertNone('something deployed imports a test', ({ imported }) => within(imported, 'test'));
    const { dependencies } = JSON.parse(readFileSync(resolve(ROOT, 'package.json'), 'utf8')) as {
      dependencies: Record<string, string>;
    };
    const isInstalled = (name: string) => Object.keys(dependencies).some((each) => within(name, each));
    assertNone(
      'something deployed imports a package that is not deployed',
      ({ imported }) =>
        !within(imported, 'functions') &&
        !within(imported, 'shared') &&
        !imported.startsWith('node:') &&
        !imported.startsWith('#') &&
        !isInstalled(imported),
    );
  });

  it('and every file is found by this test', () => {
    for (const file of ['functions/index.ts', 'functions/extract/extract.ts', 'shared/control/control.ts']) {
      assert.ok(sources.has(file));
    }
    assert.ok(
      imports.some(
        ({ file, imported }) => file === 'functions/index.ts' && imported.includes('merge/merge.ts'),
      ),
    );
  });
});

describe('there is one code path', () => {
  it('in which only shared/clients.ts knows that an endpoint can be overridden', () => {
    assert.deepEqual(naming('EMULATOR'), ['shared/clients.ts']);
  });

  it('and the environment is read where a process starts', () => {
    assert.deepEqual(naming('process.env'), [
      'functions/dependencies.ts',
      'functions/index.ts',
      'shared/clients.ts',
    ]);
  });
});

function naming(word: string): string[] {
  return [...sources]
    .filter(([, text]) => text.includes(word))
    .map(([file]) => file)
    .toSorted();
}

function assertNone(rule: string, isBroken: (each: Import) => boolean): void {
  const broken = imports.filter(isBroken).map(({ file, imported }) => `${file} → ${imported}`);
  assert.deepEqual(broken, [], rule);
}

/** A relative import as a path below the project's root; anything else as it is. */
function resolved(file: string, specifier: string): string {
  if (!specifier.startsWith('.')) return specifier;
  return relative(ROOT, resolve(ROOT, dirname(file), specifier))
    .split(sep)
    .join('/');
}

function within(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}

/** The folder of shared that a file lies in; null for its plain files and for everything else. */
function sharedFolder(path: string): string | null {
  return (/^shared\/([^/]+)\//.exec(path) ?? [])[1] ?? null;
}
