import assert from 'node:assert/strict';
import { createStorage } from '../../../shared/google/clients.ts';
import { type StorageStandIn, startStorage } from '../../emulators/storage/start-storage.ts';

describe('the client of Cloud Storage', () => {
  let emulator: StorageStandIn;

  before(async () => {
    emulator = await startStorage();
  });

  after(async () => {
    delete process.env.STORAGE_EMULATOR_HOST;
    await emulator.close();
  });

  for (const slash of ['', '/']) {
    it(`uses the JSON API and the uploads of an emulator at http://host:port${slash}`, async () => {
      process.env.STORAGE_EMULATOR_HOST = `${emulator.url}${slash}`;
      const storage = await createStorage({ projectId: 'local', callTimeoutSeconds: 60 });
      const [bucket] = await storage.createBucket(`bucket${slash.length}`);
      for (const resumable of [false, true]) {
        const file = bucket.file(`resumable ${resumable}`);
        await file.save('content', { resumable });
        assert.equal(String((await file.download())[0]), 'content');
      }
      assert.equal((await bucket.getFiles())[0].length, 2);
    });
  }
});
