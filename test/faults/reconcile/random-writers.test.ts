import assert from 'node:assert/strict';
import { setTimeout as elapse } from 'node:timers/promises';
import type { CheckViewResult } from '../../../functions/reconcile/check-view.ts';
import { DataHubError, dispositionOf } from '../../../shared/errors.ts';
import { useStack } from '../../support/use-installation.ts';
import { LOAD_TYPES, ThingView, VIEW } from '../bad-data/thing-view.ts';

const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000_000);
const SECONDS = Number(process.env.SECONDS ?? 12);
const KEYS = 40;
const WRITERS = 2;

/** Numbers in [0, 1), the same for the same seed (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

describe(`checks of a view under constant writes (SEED=${SEED})`, () => {
  const stack = useStack();

  for (const loadType of LOAD_TYPES) {
    for (const isLogged of [true, false]) {
      it(`${isLogged ? 'find nothing where all writes are logged' : 'I7 repair what was not logged, and never write an older image'}: ${loadType}`, async () => {
        const thing = await ThingView.install(stack, {
          loadType,
          columns: { version: 'bigint', size: 'float8' },
        });
        for (let key = 1; key <= KEYS; key += 1) await thing.put(String(key), { version: '0' });
        await thing.replicate();
        const random = randomOf(SEED);
        const endMs = Date.now() + SECONDS * 1000;
        const isOver = () => Date.now() > endMs;
        const results: CheckViewResult[] = [];
        let version = 0;

        // Each writer has keys of its own, or the versions of a row would not be in the order of their commits.
        const write = async (writer: number) => {
          while (!isOver()) {
            const key = String(1 + writer + WRITERS * Math.floor(random() * (KEYS / WRITERS)));
            version += 1;
            if (!isLogged && random() < 0.2) {
              await thing.on.source.database.query('update app_thing set version = $2 where id = $1', [
                key,
                version,
              ]);
            } else if (random() < 0.1) await thing.delete(key);
            else await thing.put(key, { version: String(version), size: String(random()) });
            await elapse(random() * 20);
          }
        };
        const replicate = async () => {
          while (!isOver()) {
            const extracted = await thing.on.extract(VIEW);
            if (extracted.outcome === 'staged' || extracted.outcome === 'republished') {
              await unlessPassing(() => thing.on.apply(extracted));
            }
            await elapse(random() * 30);
          }
        };
        const check = async () => {
          while (!isOver()) {
            let result = await unlessPassing(() => thing.on.check({ repair: !isLogged }, VIEW));
            for (; !isOver(); await elapse(20)) {
              const { rows } = await thing.on.control.query(
                'select id::text as check from etl.consistency_check where ended_at is null',
              );
              if (rows[0] === undefined) break;
              result = await unlessPassing(() =>
                thing.on.continueCheck({ view: VIEW, check: rows[0].check }),
              );
            }
            if (result !== null) results.push(result);
          }
        };
        const newest = new Map<unknown, number>();
        const watch = async () => {
          while (!isOver()) {
            for (const { thing_id, version: seen } of await thing.target()) {
              assert.ok(Number(seen) >= (newest.get(thing_id) ?? 0), `key ${thing_id} went back to ${seen}`);
              newest.set(thing_id, Number(seen));
            }
            await elapse(10);
          }
        };
        await Promise.all([write(0), write(1), replicate(), check(), watch()]);

        const found = results.filter(({ outcome }) => outcome === 'differences found');
        if (isLogged) assert.deepEqual(found, []);
        const ended = results.filter(
          ({ outcome }) => outcome === 'consistent' || outcome === 'differences found',
        );
        assert.ok(ended.length > 0, `no check ended: ${JSON.stringify(results)}`);
        for (;;) {
          const extracted = await thing.on.extract(VIEW);
          if (extracted.outcome === 'idle') break;
          assert.ok(extracted.outcome === 'staged' || extracted.outcome === 'republished');
          await thing.on.apply(extracted);
        }
        const { rows } = await thing.on.control.query(
          'select id::text as check from etl.consistency_check where ended_at is null',
        );
        let last: CheckViewResult | undefined;
        for (const { check: id } of rows) last = await thing.on.continueCheck({ view: VIEW, check: id });
        while (last?.outcome === 'waiting') {
          await thing.on.catchUp(VIEW);
          last = await thing.on.continueCheck(last);
        }
        assert.equal((await thing.on.reconcile({ repair: true }, VIEW)).outcome, 'consistent');
        await thing.assertEqual();
      });
    }
  }
});

/** The result, or null if another try is needed. */
async function unlessPassing<T>(work: () => Promise<T>): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof DataHubError && ['retry', 'stop'].includes(dispositionOf(error))) return null;
    throw error;
  }
}
