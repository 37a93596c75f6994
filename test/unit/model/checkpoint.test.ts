import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ZodError } from 'zod';
import {
  type Checkpoint,
  checkpointFromJson,
  checkpointToJson,
  type Horizon,
  isCovered,
  MAX_HORIZONS,
  markHorizons,
  maturedFloor,
  nextCheckpoint,
  type Observation,
  oldestUnmarked,
} from '../../../shared/model/checkpoint.ts';

const BEYOND_DOUBLES = 2n ** 53n + 1n;

describe('the checkpoint', () => {
  it('covers the log rows up to its floor, and those that it has seen above', () => {
    const checkpoint = { floorId: 10n, seen: '{[12,14),[20,21)}' };
    const covered = Array.from({ length: 15 }, (_, i) => BigInt(i + 8)).filter((id) =>
      isCovered(checkpoint, id),
    );
    assert.deepEqual(covered, [8n, 9n, 10n, 12n, 13n, 20n]);
    assert.equal(isCovered({ floorId: 10n, seen: '{}' }, 11n), false);
  });

  describe('as JSON', () => {
    it('is read back unchanged, including 64-bit numbers', () => {
      fc.assert(
        fc.property(anyCheckpoint, (checkpoint) => {
          assert.deepEqual(checkpointFromJson(JSON.parse(checkpointToJson(checkpoint))), checkpoint);
        }),
      );
    });

    it('holds 64-bit numbers as text, so that no reader rounds them', () => {
      const json = checkpointToJson(checkpointOf({ floorId: BEYOND_DOUBLES }));
      assert.equal((JSON.parse(json) as { floorId: unknown }).floorId, '9007199254740993');
    });

    for (const [what, floorId] of [
      ['a fraction', 1.5],
      ['a number that JSON has rounded', 2 ** 53],
      ['empty text', ''],
      ['a hexadecimal number', '0x10'],
      ['null', null],
    ] as const) {
      it(`is refused when an id is ${what}`, () => {
        assert.throws(
          () => checkpointFromJson({ floorId, seen: '{}', horizons: [], witness: null }),
          ZodError,
        );
      });
    }
  });

  describe('markers', () => {
    const graceSeconds = 60;
    const young = horizon({ id: 20n, atMicros: 1_000_000n });
    const old = horizon({ id: 10n, atMicros: 0n });

    it('I3 are given to horizons that are at least the grace period old, not to younger ones', () => {
      const marked = markHorizons([old, young], { marker: 700n, nowMicros: 60_000_000n, graceSeconds });
      assert.deepEqual(marked, [{ ...old, marker: 700n, atMicros: 60_000_000n }, young]);
    });

    it('I3 never change, since a later one would wait for more transactions', () => {
      const given = horizon({ id: 5n, atMicros: 0n, marker: 600n });
      const marked = markHorizons([given, old], { marker: 700n, nowMicros: 90_000_000n, graceSeconds });
      assert.deepEqual(
        marked.map(({ marker }) => marker),
        [600n, 700n],
      );
    });

    it('are needed while a horizon has none', () => {
      assert.equal(oldestUnmarked([horizon({ id: 5n, atMicros: 3n, marker: 600n }), young]), 1_000_000n);
      assert.equal(oldestUnmarked([horizon({ id: 5n, atMicros: 3n, marker: 600n })]), null);
      assert.equal(oldestUnmarked([]), null);
    });
  });

  describe('floor', () => {
    const checkpoint = checkpointOf({
      floorId: 4n,
      horizons: [
        horizon({ id: 10n, marker: 700n }),
        horizon({ id: 20n, marker: 710n }),
        horizon({ id: 30n }),
      ],
    });

    it('I3 stays while a transaction older than every marker runs', () => {
      assert.equal(maturedFloor(checkpoint, 699n), 4n);
    });

    it('rises to the highest horizon whose marker no running transaction precedes', () => {
      assert.equal(maturedFloor(checkpoint, 700n), 10n);
      assert.equal(maturedFloor(checkpoint, 710n), 20n);
      assert.equal(maturedFloor(checkpoint, 9_999n), 20n);
    });

    it('I2 never falls, whatever a capture observes', () => {
      fc.assert(
        fc.property(anyStep, ({ checkpoint, observation }) => {
          assert.ok(nextCheckpoint(checkpoint, observation).floorId >= checkpoint.floorId);
        }),
      );
    });

    it('stops at the cut of a large batch, as every horizon does', () => {
      const next = nextCheckpoint(
        checkpoint,
        observationOf({ maturedFloorId: 20n, cutId: 15n, highestId: 40n }),
      );
      assert.equal(next.floorId, 15n);
      assert.deepEqual(next.horizons, []);
      const early = nextCheckpoint(
        checkpoint,
        observationOf({ maturedFloorId: 4n, cutId: 15n, highestId: 40n }),
      );
      assert.deepEqual(
        early.horizons.map(({ id, marker }) => [id, marker]),
        [
          [10n, 700n],
          [15n, 710n],
        ],
      );
    });
  });

  describe('horizons', () => {
    it('are at most 16, ascend, and lie above the floor', () => {
      fc.assert(
        fc.property(anyStep, ({ checkpoint, observation }) => {
          const { floorId, horizons } = nextCheckpoint(checkpoint, observation);
          assert.ok(horizons.length <= MAX_HORIZONS);
          const ids = [floorId, ...horizons.map(({ id }) => id)];
          assert.deepEqual(ids, [...new Set(ids)].sort(byValue));
        }),
      );
    });

    it('lie at or below the cut', () => {
      fc.assert(
        fc.property(anyStep, ({ checkpoint, observation }) => {
          const { horizons } = nextCheckpoint(checkpoint, observation);
          const end = observation.cutId ?? observation.highestId;
          assert.ok(horizons.every(({ id }) => id <= end));
        }),
      );
    });

    it('keep the earliest of several with the same id, since it matures first', () => {
      const first = horizon({ id: 10n, atMicros: 1n });
      const next = nextCheckpoint(
        checkpointOf({ horizons: [first] }),
        observationOf({ highestId: 10n, atMicros: 2n }),
      );
      assert.deepEqual(next.horizons, [first]);
    });

    it('keep the oldest ones when captures come faster than the grace period', () => {
      let checkpoint = checkpointOf({});
      for (let id = 1n; id <= 40n; id++) {
        checkpoint = nextCheckpoint(checkpoint, observationOf({ highestId: id, atMicros: id }));
      }
      assert.deepEqual(
        checkpoint.horizons.map(({ id }) => id),
        Array.from({ length: MAX_HORIZONS }, (_, i) => BigInt(i + 1)),
      );
    });

    it('advance beside a long transaction, so that the floor jumps to a late one when it ends', () => {
      let checkpoint = checkpointOf({});
      for (let id = 1n; id <= 100n; id++) {
        const marker = 1_000n + id;
        const horizons = markHorizons(checkpoint.horizons, { marker, nowMicros: id, graceSeconds: 0 });
        checkpoint = nextCheckpoint(
          { ...checkpoint, horizons },
          observationOf({ highestId: id, atMicros: id }),
        );
      }
      assert.equal(maturedFloor(checkpoint, 5_000n), 99n);
    });
  });

  describe('witness', () => {
    it('stays when a capture finds the log empty', () => {
      const witness = { id: 3n, hash: 'a' };
      assert.deepEqual(nextCheckpoint(checkpointOf({ witness }), observationOf({})).witness, witness);
    });

    it('stays when a batch is cut below it', () => {
      const witness = { id: 6n, hash: 'a' };
      const cut = observationOf({ cutId: 2n, witness: { id: 2n, hash: 'b' } });
      assert.deepEqual(nextCheckpoint(checkpointOf({ witness }), cut).witness, witness);
    });
  });
});

function horizon(differing: Partial<Horizon>): Horizon {
  return { id: 1n, atMicros: 0n, marker: null, ...differing };
}

function checkpointOf(differing: Partial<Checkpoint>): Checkpoint {
  return { floorId: 0n, seen: '{}', horizons: [], witness: null, ...differing };
}

function observationOf(differing: Partial<Observation>): Observation {
  return {
    maturedFloorId: 0n,
    seen: '{}',
    highestId: 0n,
    atMicros: 0n,
    cutId: null,
    witness: null,
    ...differing,
  };
}

const anyId = fc.bigInt({ min: 0n, max: 2n ** 63n - 1n });

const anyCheckpoint: fc.Arbitrary<Checkpoint> = fc.record(
  {
    floorId: anyId,
    seen: fc.constantFrom('{}', '{[1,5)}', '{[1,5),[9007199254740993,9007199254740995)}'),
    horizons: fc.array(
      fc.record({ id: anyId, atMicros: anyId, marker: fc.option(anyId) }, { noNullPrototype: true }),
      { maxLength: MAX_HORIZONS },
    ),
    witness: fc.option(fc.record({ id: anyId, hash: fc.string() }, { noNullPrototype: true })),
  },
  { noNullPrototype: true },
);

/** A checkpoint as captures leave it, and an observation that may follow. The cut lies above the floor. */
const anyStep: fc.Arbitrary<{ checkpoint: Checkpoint; observation: Observation }> = fc
  .record({
    floorId: fc.nat(20),
    above: fc.uniqueArray(fc.integer({ min: 1, max: 60 }), { maxLength: MAX_HORIZONS }),
    marked: fc.nat(MAX_HORIZONS),
    xmin: fc.nat(MAX_HORIZONS + 1),
    cutAbove: fc.option(fc.integer({ min: 1, max: 60 })),
    highestId: fc.nat(100),
  })
  .map(({ floorId, above, marked, xmin, cutAbove, highestId }) => {
    const checkpoint = checkpointOf({
      floorId: BigInt(floorId),
      horizons: above
        .sort((a, b) => a - b)
        .map((distance, i) =>
          horizon({
            id: BigInt(floorId + distance),
            atMicros: BigInt(i),
            marker: i < marked ? BigInt(i) : null,
          }),
        ),
    });
    const observation = observationOf({
      maturedFloorId: maturedFloor(checkpoint, BigInt(xmin)),
      cutId: cutAbove === null ? null : BigInt(floorId + cutAbove),
      highestId: BigInt(highestId),
      atMicros: 1_000n,
    });
    return { checkpoint, observation };
  });

const byValue = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0);
