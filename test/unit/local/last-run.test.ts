import assert from 'node:assert/strict';
import { describeLastRun, type ViewSummary } from '../../local/last-run.ts';

const IDLE: ViewSummary = {
  name: 'pmr_project',
  enabled: true,
  paused: false,
  haltedReason: null,
  appliedBatches: 12,
  coveredId: 5231,
  capturedMsAgo: 14_200,
  inFlight: null,
  waitingLogRows: 0,
};

describe('the report on the last run', () => {
  it('has one aligned line for each view and each service', () => {
    const views: ViewSummary[] = [
      IDLE,
      { ...IDLE, name: 'pmr_pm_item', inFlight: { id: '17', state: 'staged' } },
      { ...IDLE, name: 'pmr_pm_plan', waitingLogRows: 1, appliedBatches: 1 },
      { ...IDLE, name: 'pmr_inventory', paused: true, haltedReason: 'the key is not unique' },
    ];
    const waitingMessages = new Map([
      ['cdc-extract-push', 2],
      ['cdc-merge-push', 1],
      ['cdc-stream-push', 0],
    ]);
    assert.deepEqual(describeLastRun({ views, waitingMessages, stagedObjects: 4 }), [
      '  pmr_project    12 batches applied, log read up to id 5,231, 14.2 s ago',
      '  pmr_pm_item    12 batches applied, log read up to id 5,231, 14.2 s ago; batch 17 is staged',
      '  pmr_pm_plan    1 batch applied, log read up to id 5,231, 14.2 s ago; 1 log row not captured yet',
      '  pmr_inventory  12 batches applied, log read up to id 5,231, 14.2 s ago; halted: the key is not unique; paused',
      '  Pub/Sub        3 undelivered messages: cdc-extract-push 2, cdc-merge-push 1',
      '  Storage        4 staged objects',
    ]);
  });

  it('shows which views are not loaded or not enabled', () => {
    const notLoaded = { ...IDLE, appliedBatches: 0, coveredId: null, capturedMsAgo: null };
    const views = [
      { ...notLoaded, inFlight: { id: '4', state: 'extracting' } },
      { ...notLoaded, name: 'xyz_incident', enabled: false },
    ];
    assert.deepEqual(describeLastRun({ views, waitingMessages: new Map(), stagedObjects: 0 }), [
      '  pmr_project   not loaded yet; batch 4 is extracting',
      '  xyz_incident  not enabled',
      '  Pub/Sub       no undelivered messages',
      '  Storage       no staged objects',
    ]);
  });

  it('omits messages that cannot be counted, and says if there are no views', () => {
    assert.deepEqual(describeLastRun({ views: [], waitingMessages: undefined, stagedObjects: 1 }), [
      '  views    no view source has been imported yet',
      '  Storage  1 staged object',
    ]);
  });
});
