import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Code, codeIn, ROOT, readDocuments } from '../../support/documents.ts';

/** Histories name files and commands as they were then. */
const HISTORIES = /(^|\/)(CHANGELOG|DECISIONS)\.md$/i;
const PROGRAM = /^(bq|cd|curl|gcloud|git|node|npm|npx|psql|terraform) /;
/** A path in the repository; a file whose name begins with `my-` is the reader's own. */
const PATH =
  /(?<![\w./:-])((?:\.\.?\/)*(?:docs|functions|proto|shared|sql|terraform|test)\/(?!my-)[\w.*{},/-]*[\w*/}])/g;

interface Names {
  npmScripts: string[];
  terraformOutputs: string[];
}

/** What a reader would type must name scripts, files and outputs that exist. */
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

  it('are read by bash', () => {
    const blocks = code.filter(isShell);

    assert.ok(blocks.length > 10);
    for (const { path, line, text } of blocks) assert.equal(complaintOfBash(text), '', `${path}:${line}`);
  });

  it('are read by bash where Terraform prints them', () => {
    const lines = [...outputs.matchAll(/"((?:[^"\\\n]|\\.)*)",?$/gm)]
      .map(([, line = '']) => line.replaceAll(/\\(.)/g, '$1').replaceAll(/\$\{[^}]*\}/g, 'filled-in'))
      .filter((line) => /^(#|printf|gcloud|filled-in)/.test(line));

    assert.ok(lines.length > 10);
    assert.equal(complaintOfBash(lines.join('\n')), '');
  });

  it('name npm scripts, files and Terraform outputs that exist, as paths in sentences do', () => {
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

  it('are refused with what does not exist', () => {
    assert.match(complaintOfBash("echo 'open"), /unexpected EOF/);
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

/** Empty where bash can read the commands; it does not run them. */
function complaintOfBash(commands: string): string {
  const { error, stderr } = spawnSync('bash', ['-n'], { input: commands, encoding: 'utf8' });
  if (error) throw error;
  return stderr;
}

/** The scripts, paths and outputs that commands name and that do not exist. A path may be relative to any folder. */
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
