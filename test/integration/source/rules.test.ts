import assert from 'node:assert/strict';
import * as broken from './broken-rules.ts';
import { Items, SEQUENCE } from './items.ts';
import { makeViewSource } from './make-view-source.ts';
import { Replica } from './replica.ts';
import * as schedules from './schedules.ts';
import { useSource } from './use-source.ts';

/** The rules of capture: what would be different without the rule, and a schedule that then loses a row. */
const RULES: [without: string, rule: broken.BrokenRule, schedule: schedules.Schedule][] = [
  ['the checkpoint were the last id', broken.LAST_ID, schedules.commitsLate],
  ['the checkpoint were the last date', broken.LAST_DATE, schedules.commitsLate],
  ['xmin were looked up in the previous snapshot', broken.XMIN_IN_SNAPSHOT, schedules.commitsSavepointLate],
  ['pg_snapshot_xmax were the marker', broken.MARKER_IS_SNAPSHOT_XMAX, schedules.drawsLowerIdLater],
  ['the marker were drawn at the capture', broken.MARKER_AT_CAPTURE, schedules.drawsIdEarly],
  ['the marker were drawn without a grace period', broken.MARKER_WITHOUT_GRACE, schedules.drawsIdEarly],
  ['horizons matured by age alone', broken.MATURE_BY_AGE, schedules.outlivesGrace],
  ['markers were compared with xmax', broken.MATURE_BY_XMAX, schedules.outlivesGrace],
  ['a batch were cut at a key', broken.CUT_AT_A_KEY, schedules.cutsBetweenRowsOfAKey],
  ['the floor went beyond the cut', broken.FLOOR_BEYOND_CUT, schedules.cutsBelowMatureHorizon],
  ['seen went beyond the cut', broken.SEEN_BEYOND_CUT, schedules.cutsBelowMatureHorizon],
  [
    'the checkpoint came from another snapshot than the rows',
    broken.CHECKPOINT_OF_ANOTHER_SNAPSHOT,
    schedules.commitsDuringCapture,
  ],
  ["the log's action were the truth", broken.LOG_IS_THE_TRUTH, schedules.logsDeleteAfterAdd],
  [
    'only the columns that the view shows were tracked',
    broken.TRACKED_OF_SELECT_ONLY,
    schedules.entersViewAgain,
  ],
  ['keys were compared as text', broken.KEYS_AS_TEXT, schedules.spellsKeyOtherwise],
];

describe('capture would lose a row if', () => {
  const items = new Items(useSource(Items.SCHEMA));

  for (const [without, rule, schedule] of RULES) {
    it(`I3 ${without}`, async () => {
      const replica = await schedule(items, rule(items.source.pool));
      assert.equal(await replica.isEqualToView(), false);
    });
  }

  it('I3 cached log ids were accepted, since a session may use them at any later time', async () => {
    const { pool, connect } = items.source;
    const cached = await connect();
    await pool.query(`alter sequence ${SEQUENCE} cache 20`);
    await items.add(cached);
    // Changes only the catalog: the session keeps its cached ids, and the capture is not refused.
    await pool.query('update pg_sequence set seqcache = 1 where seqrelid = $1::regclass', [SEQUENCE]);
    const replica = await Replica.load(pool, makeViewSource());
    await items.add(pool);
    for (let captures = 0; captures < 3; captures++) await replica.capture();
    await items.add(cached);
    await replica.capture();
    assert.equal(await replica.isEqualToView(), false);
  });

  describe('but with every rule, in the same schedules, it', () => {
    for (const schedule of new Set(RULES.map(([, , each]) => each))) {
      it(`I2 I3 loses no row: ${schedule.name}`, async () => {
        await (await schedule(items, {})).assertEqualsView();
      });
    }
  });

  describe('seen', () => {
    it('has at most two more ranges than there are holes', async () => {
      const { holes, ranges } = await schedules.holesAndRanges(
        items,
        await schedules.takesTurnsWithOthers(items, {}),
      );
      assert.ok(ranges <= holes + 2, `${ranges} ranges, ${holes} holes`);
    });

    it('would have a range for every log row if it held only one content type', async () => {
      const rules = broken.SEEN_OF_ONE_TYPE(items.source.pool);
      const { holes, ranges } = await schedules.holesAndRanges(
        items,
        await schedules.takesTurnsWithOthers(items, rules),
      );
      assert.ok(ranges > holes + 2, `${ranges} ranges, ${holes} holes`);
    });
  });
});
