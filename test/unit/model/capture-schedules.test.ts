import assert from 'node:assert/strict';
import fc from 'fast-check';
import { MAX_HORIZONS } from '../../../shared/model/checkpoint.ts';
import { CaptureModel, GRACE_SECONDS, REAL_RULES, type Rules, type Step } from './capture-model.ts';

describe('the checkpoint in random schedules of writers and captures', () => {
  const inEverySchedule = fc.property(anySchedule(), (schedule) => {
    const model = new CaptureModel();
    model.run(schedule);
    model.finish();
    assert.deepEqual(model.lost(), []);
    for (const [i, { floorId, horizons }] of model.installed.entries()) {
      assert.ok(floorId >= (model.installed[i - 1]?.floorId ?? 0n));
      assert.ok(horizons.length <= MAX_HORIZONS);
    }
  });

  it('I2 I3 loses no committed log row', () => {
    fc.assert(inEverySchedule, { numRuns: 10_000 });
  });

  it('carries no log row twice while every batch is applied', () => {
    fc.assert(
      fc.property(anySchedule({ applied: fc.constant(true) }), (schedule) => {
        const model = new CaptureModel();
        model.run(schedule);
        model.finish();
        assert.ok([...model.carried.values()].every((times) => times === 1));
      }),
      { numRuns: 1_000 },
    );
  });

  it('has at most one more range in seen than there are holes above the floor', () => {
    fc.assert(
      fc.property(anySchedule({ maxLogRows: fc.constant(1_000) }), (schedule) => {
        const model = new CaptureModel();
        model.run(schedule);
        model.finish();
        const { floorId, seen } = model.checkpoint;
        const ids = model.server.committed.map(({ id }) => BigInt(id)).filter((id) => id > floorId);
        const highest = ids.sort(byValue).at(-1) ?? floorId;
        const holes = highest - floorId - BigInt(ids.length);
        assert.ok(BigInt(seen.split('[').length - 1) <= holes + 1n);
      }),
      { numRuns: 500 },
    );
  });

  const broken: [what: string, rules: Partial<Rules>][] = [
    ['the marker were drawn at the capture instead of after the grace', { marker: 'drawn at the capture' }],
    ['pg_snapshot_xmax were the marker', { marker: 'xmax of the snapshot' }],
    ['the checkpoint were the last id', { covered: 'last id' }],
    ['the checkpoint were the last date', { covered: 'last date' }],
    ['the checkpoint ignored the cut', { cut: 'is ignored by the checkpoint' }],
  ];
  for (const [what, rules] of broken) {
    it(`I3 would lose a log row if ${what}`, () => {
      const result = fc.check(
        fc.property(anySchedule(), (schedule) => {
          const model = new CaptureModel({ ...REAL_RULES, ...rules });
          model.run(schedule);
          model.finish();
          return model.lost().length === 0;
        }),
        { numRuns: 20_000, endOnFailure: true },
      );
      assert.ok(result.failed, `no counterexample in ${result.numRuns} schedules, seed ${result.seed}`);
    });
  }
});

function anySchedule({
  applied = fc.nat(4).map((chance) => chance > 0),
  maxLogRows = fc.constantFrom(1, 2, 1_000),
}: {
  applied?: fc.Arbitrary<boolean>;
  maxLogRows?: fc.Arbitrary<number>;
} = {}): fc.Arbitrary<Step[]> {
  const writer = fc.nat(2);
  const step = <Do extends Step['do']>(name: Do, weight: number, rest: object = {}) => ({
    weight,
    arbitrary: fc.record({ do: fc.constant(name), ...rest }) as unknown as fc.Arbitrary<Step>,
  });
  return fc.array(
    fc.oneof(
      step('write', 3, { writer }),
      step('draw', 6, { writer, ours: fc.boolean() }),
      step('insert', 4, { writer }),
      step('rollbackToSavepoint', 1, { writer, keep: fc.nat(2) }),
      step('commit', 5, { writer }),
      step('rollback', 1, { writer }),
      step('wait', 3, { micros: fc.constantFrom(1, 400_000, GRACE_SECONDS * 1_000_000) }),
      step('drawMarker', 3),
      step('capture', 6, { maxLogRows, applied }),
    ),
    { minLength: 20, maxLength: 60 },
  );
}

const byValue = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0);
