import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { codeIn } from '../../documents/code-in.ts';
import { DOCUMENTS, ROOT, readCode } from '../../documents/documents.ts';
import { faultsOfCommand, type Nameable } from '../../documents/faults-of-command.ts';
import { readKnownCommands } from '../../documents/known-commands.ts';
import { typeIn } from '../../documents/type-in.ts';
import { readConfiguration } from '../../tools/terraform/configuration.ts';

/** What a reader would type must be what the programs take, with files, names and variables that are there. */
describe('a command in the documents', () => {
  let nameable: Nameable;

  before(async () => {
    const { outputs, resources } = await readConfiguration();
    const { scripts } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { scripts: object };
    nameable = {
      usages: await readKnownCommands(),
      npmScripts: Object.keys(scripts),
      terraformOutputs: Object.keys(outputs),
      terraformResources: new Map(
        resources.map(({ address, body }) => [
          address,
          'count' in body ? 'count' : 'for_each' in body ? 'for_each' : 'one',
        ]),
      ),
    };
  });

  const faultsIn = async (shell: string): Promise<string[]> => {
    const commands = await typeIn('x.md', codeIn(`\`\`\`sh\n${shell}\n\`\`\`\n`));
    return commands.flatMap((command) => faultsOfCommand(command, nameable));
  };

  for (const document of DOCUMENTS) {
    it(`can be typed as it stands: ${document}`, async () => {
      const commands = await typeIn(document, await readCode(document));

      assert.deepEqual(
        commands.flatMap((command) => faultsOfCommand(command, nameable)),
        [],
      );
    });
  }

  it('is found in blocks and in sentences, each with its place', async () => {
    const commands = async (document: string) => await typeIn(document, await readCode(document));
    const names = async (document: string) =>
      (await commands(document)).map(({ program, words }) => [program, ...words.slice(0, 2)].join(' '));

    const inReadme = await names('README.md');
    for (const name of [
      'gcloud functions call',
      'terraform apply',
      'psql',
      'npm start',
      'curl',
      'bq query',
    ]) {
      assert.ok(
        inReadme.some((each) => each.startsWith(name)),
        name,
      );
    }
    assert.ok((await names('OPERATIONS.md')).filter((name) => name === 'gcloud functions call').length >= 5);
    assert.ok((await names('terraform/outputs.tf')).includes('gcloud secrets versions'));
    const [first] = await typeIn('x.md', codeIn('# X\n\nSay\n`terraform\nplan` first.\n'));
    assert.deepEqual(first, {
      where: 'x.md:4',
      folder: '',
      program: 'terraform',
      words: ['plan'],
      isNamed: true,
    });
  });

  const WRONG: [shell: string, fault: RegExp][] = [
    [
      'gcloud functions call extract --regio=here',
      /gcloud functions call extract --regio=here: has no flag --regio$/,
    ],
    ['gcloud functions cal extract', /is not recorded/],
    ['gcloud functions call', /wants 1 names, not 0$/],
    ['gcloud functions call extract merge --region here', /takes 1 names, not 2$/],
    ['gcloud functions call extract --data', /--data wants a value$/],
    ["gcloud secrets versions add cdc-source-database-url <<< 'x'", /wants --data-file$/],
    ['terraform apply -targets=google_project_service.required', /has no flag -targets$/],
    [
      'terraform apply -target=google_project_service.demanded',
      /no resource google_project_service\.demanded$/,
    ],
    ['terraform import google_bigquery_dataset.dataset x', /has an index by for_each$/],
    ["terraform import 'google_storage_bucket.staging[0]' x", /has no index$/],
    ['terraform output -raw steps', /there is no output steps$/],
    ['bq query --use_old_sql=false "select 1"', /has no flag --use_old_sql$/],
    ['psql "$HOME" -f sql/source/gone.sql', /there is no sql\/source\/gone\.sql$/],
    ['psql "$HOME" --on-error-stop', /has no flag --on-error-stop$/],
    ['curl -sQqZS0O5 x', /has no flag -sQqZS0O5$/],
    ['npm run stop', /package\.json has no script stop$/],
    ['npx mocha test/unit/gone.test.ts', /there is no test\/unit\/gone\.test\.ts$/],
  ];
  for (const [shell, fault] of WRONG) {
    it(`is refused: ${shell}`, async () => {
      const faults = await faultsIn(shell);

      assert.equal(faults.length, 1, faults.join('\n'));
      assert.match(faults[0] ?? '', fault);
    });
  }

  it('is refused with a variable that nothing before it has set', async () => {
    await assert.rejects(
      faultsIn('terraform plan\ncurl "$ADDRESS"'),
      /x\.md:2: line 2: ADDRESS: unbound variable/,
    );
    assert.deepEqual(await faultsIn('ADDRESS=there\ncurl "$ADDRESS"'), []);
  });

  it('may use what a block before it in the same section set, and of no other section', async () => {
    const block = (shell: string) => `\`\`\`sh\n${shell}\n\`\`\`\n`;
    const first = `## One\n${block('ADDRESS=there')}`;

    assert.equal((await typeIn('x.md', codeIn(`${first}${block('curl "$ADDRESS"')}`))).length, 1);
    await assert.rejects(
      typeIn('x.md', codeIn(`${first}## Two\n${block('curl "$ADDRESS"')}`)),
      /unbound variable/,
    );
  });

  it('is refused where bash cannot read it, a file is not there, or readers have no such program', async () => {
    await assert.rejects(faultsIn("terraform plan 'here"), /unexpected EOF|unterminated/);
    await assert.rejects(faultsIn('curl -d "$(cat gone.json)" there'), /gone\.json: No such file/);
    await assert.rejects(faultsIn('gcloudd auth login'), /gcloudd: command not found/);
  });
});
