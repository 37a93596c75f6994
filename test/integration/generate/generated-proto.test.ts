import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { type Postgres, startPostgres } from '../../emulators/postgres.ts';
import { generatedProto } from '../../generate/generated-proto.ts';
import { SMARTAPP_VIEWS } from '../../generate/view-shapes.ts';
import { createSmartApp } from '../../smartapp/create-smartapp.ts';

const FOLDER = fileURLToPath(new URL('../../../proto/', import.meta.url));

describe('proto', () => {
  let postgres: Postgres;
  let generated: Map<string, string>;

  before(async () => {
    postgres = await startPostgres();
    await postgres.createDatabase('smartapp');
    await createSmartApp(postgres.url('smartapp'), { scale: 0.001 });
    generated = await generatedProto({ file: SMARTAPP_VIEWS, sourceUrl: postgres.url('smartapp') });
  });
  after(() => postgres.stop());

  it('contains the messages that are built for SMartApp’s streamed views', async () => {
    assert.deepEqual([...generated.keys()], ['incident.proto']);
    for (const [path, content] of generated) {
      const committed = await readFile(FOLDER + path, 'utf8').catch(() => '');
      const advice = `proto/${path} differs from what the view needs; run: npm run generate`;
      assert.equal(committed, content, advice);
    }
  });

  it('contains nothing for views that are not streamed', async () => {
    const committed = (await readdir(FOLDER)).filter((path) => !path.endsWith('.md'));

    assert.deepEqual(committed.toSorted(), [...generated.keys()].toSorted());
  });
});
