import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Code, codeIn, ROOT, readDocuments } from '../../support/documents.ts';

/** Histories name files and commands of their time. */
const HISTORIES = /(^|\/)(CHANGELOG|DECISIONS)\.md$/i;
const PROGRAM = /^(bq|cd|curl|gcloud|git|node|npm|npx|psql|terraform) /;
/** A path in the repository; a file whose name begins with `my-` is the reader's own. */
const PATH =
  /(?<![\w./:-])((?:\.\.?\/)*(?:docs|functions|proto|shared|sql|terraform|test)\/(?!my-)[\w.*{},/-]*[\w*/}])/g;

interface Names {
  npmScripts: string[];
  terraformOutputs: string[];
}

/** Readers type these commands, so the scripts, files and outputs in them must exist. */
describe('commands in the documents', () => {
  let code: (Code & { path: string })[];
  let outputs: string;
  let names: Names;

  before(async () => {
    code = (await readDocuments())
      .filter(({ path }) => !HISTORIES.test(path))
      .flatMap(({ path, text }) => codeIn(text).map((piece) => ({ path, ...piece })));
    outputs = await readFile(join(ROOT, 'terraform/outputs.tf'), 'utf8');
    const { scripts } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { scripts: object };
    names = {
      npmScripts: Object.keys(scripts),
      terraformOutputs: [...outputs.matchAll(/^output "(\w+)"/gm)].map(([, name = '']) => name),
    };
  });

  it('are valid for bash', () => {
    const blocks = code.filter(isShell);

    assert.ok(blocks.length > 10);
    for (const { path, line, text } of blocks) assert.equal(bashErrors(text), '', `${path}:${line}`);
  });

  it('are valid for bash when Terraform prints them', () => {
    const lines = [...outputs.matchAll(/"((?:[^"\\\n]|\\.)*)",?$/gm)]
      .map(([, line = '']) => line.replaceAll(/\\(.)/g, '$1').replaceAll(/\$\{[^}]*\}/g, 'filled-in'))
      .filter((line) => /^(#|printf|gcloud|filled-in)/.test(line));

    assert.ok(lines.length > 10);
    assert.equal(bashErrors(lines.join('\n')), '');
  });

  it('name npm scripts, files and Terraform outputs that exist, and so do paths in sentences', () => {
    const isPath = (text: string) => text.replace(PATH, '') === '';
    const commands = code.filter(
      (piece) =>
        isShell(piece) || (piece.language === null && (PROGRAM.test(piece.text) || isPath(piece.text))),
    );

    assert.ok(commands.length > 10);
    assert.deepEqual(
      commands.flatMap(({ path, line, text }) =>
        unknownNames(text, names).map((name) => `${path}:${line}: ${name}`),
      ),
      [],
    );
    assert.deepEqual(unknownNames(outputs, names), []);
  });

  it('are refused if they are malformed or name something that does not exist', () => {
    assert.match(bashErrors("echo 'open"), /unexpected EOF/);
    for (const [command, unknown] of [
      ['npm run stop', 'npm run stop'],
      ['npm run check && npm run test:all -- --fast', 'npm run test:all'],
      ['npx mocha test/unit/gone.test.ts', 'test/unit/gone.test.ts'],
      ["npx mocha 'test/{units,integrations}/**/*.test.ts'", 'test/{units,integrations}/**/*.test.ts'],
      ['call "$(cat ../sql/source/gone.json)"', '../sql/source/gone.json'],
      ['npm run call -- extract @sql/gone.json', 'sql/gone.json'],
      ['terraform -chdir=terraform output -raw steps', 'terraform output steps'],
    ] as const) {
      assert.deepEqual(unknownNames(command, names), [unknown]);
    }
    assert.deepEqual(
      unknownNames('npm ci && npm test && terraform output && gsutil ls gs://bucket/test/x', names),
      [],
    );
  });
});

function isShell({ language }: Code): boolean {
  return language === 'sh' || language === 'bash';
}

/** What bash says about the syntax of the commands; empty if it is valid. Does not run them. */
function bashErrors(commands: string): string {
  const { error, stderr } = spawnSync('bash', ['-n'], { input: commands, encoding: 'utf8' });
  if (error) throw error;
  return stderr;
}

/** The scripts, paths and outputs in the commands that do not exist. A path may be relative to any folder. */
function unknownNames(commands: string, { npmScripts, terraformOutputs }: Names): string[] {
  const found = (form: RegExp) => [...commands.matchAll(form)].map(([, name = '']) => name);
  const scripts = found(/\bnpm run ([\w:-]+)/g).filter((name) => !npmScripts.includes(name));
  const outputs = found(/\bterraform(?: -chdir=\S+)? output(?: -\w+)* (\w+)/g).filter(
    (name) => !terraformOutputs.includes(name),
  );
  const paths = found(PATH).filter(
    (path) => globSync(path.replace(/^(\.\.?\/)+/, ''), { cwd: ROOT }).length === 0,
  );
  return [
    ...scripts.map((name) => `npm run ${name}`),
    ...paths,
    ...outputs.map((name) => `terraform output ${name}`),
  ];
}
