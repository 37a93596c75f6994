import assert from 'node:assert/strict';
import { importConfiguration } from '../../../shared/operations/import-configuration.ts';
import { STREAMED_ENTRY } from '../../support/installation.ts';
import { useInstallation } from '../../support/use-installation.ts';

const VIEW = STREAMED_ENTRY.name;
const YEAR_MS = 365.25 * 24 * 3_600_000;

describe('a date outside the window that streaming accepts', () => {
  const { on, stack } = useInstallation({ views: [STREAMED_ENTRY] });

  beforeEach(async () => {
    await on.source.add('app_incident', { id: 1, type: 'one' });
    await on.replicate(VIEW);
  });

  const longAgo = () => new Date(Date.now() - 11 * YEAR_MS);
  const change = (id: number) => on.source.change('app_incident', id, { opened: longAgo() });

  it('I9 halts the view at extract, and names key and column', async () => {
    await change(1);

    await assert.rejects(on.extract(VIEW), { kind: 'bad_data' });

    assert.match(
      String(await on.haltedReason(VIEW)),
      /view xyz_incident: key 1, column open_datetime: the value .*10 years ago/,
    );
    assert.equal(await on.haltedReason('pmr_project'), null);
    await on.source.change('app_incident', 1, { opened: new Date() });
    await on.dependencies.control.viewStops.resume(VIEW);
    await on.replicate(VIEW);
    await on.assertIncidentsEqual();
  });

  it('I9 also halts the view when the date is too far in the future', async () => {
    await on.source.change('app_incident', 1, { opened: new Date(Date.now() + 1.5 * YEAR_MS) });

    await assert.rejects(on.extract(VIEW), { kind: 'bad_data', message: /key 1, column open_datetime/ });
  });

  it('I9 becomes NULL when the policy of its column says so', async () => {
    await importConfiguration(
      { entries: [{ ...STREAMED_ENTRY, unrepresentable: { open_datetime: 'null' } }] },
      on.dependencies,
    );
    await change(1);

    await on.replicate(VIEW);

    assert.partialDeepStrictEqual(await on.target('incident'), [{ incident_id: '1', open_datetime: null }]);
  });

  it('is loaded when the whole view is loaded instead of streamed', async () => {
    const fresh = await stack.install({ views: [STREAMED_ENTRY] });
    await fresh.source.add('app_incident', { id: 1, opened: '1999-12-31T23:59:00Z' });

    await fresh.replicate(VIEW);

    assert.partialDeepStrictEqual(await fresh.target('incident'), [
      { incident_id: '1', open_datetime: '1999-12-31T23:59:00.000Z' },
    ]);
  });

  it('halts a view that must be streamed again into a target with rows, until a policy allows it', async () => {
    const fresh = await stack.install({ views: [STREAMED_ENTRY] });
    await fresh.source.add('app_incident', { id: 1, opened: '1999-12-31T23:59:00Z' }, { id: 2 });
    await fresh.replicate(VIEW);
    const reborn = await stack.takingOver(fresh);
    await assert.rejects(reborn.extract(VIEW), {
      kind: 'bad_data',
      message: /key 1, column open_datetime/,
    });

    const lenient = { ...STREAMED_ENTRY, unrepresentable: { open_datetime: 'null' as const } };
    await importConfiguration({ entries: [lenient] }, reborn.dependencies);
    await reborn.dependencies.control.viewStops.resume(VIEW);
    await reborn.replicate(VIEW);

    assert.partialDeepStrictEqual(await reborn.target('incident'), [
      { incident_id: '1', open_datetime: null },
      { incident_id: '2' },
    ]);
  });

  it('I8 is judged when a batch that was staged for a load into an empty target meets rows, and is captured again for a stream', async () => {
    const fresh = await stack.install({ views: [STREAMED_ENTRY] });
    await fresh.source.add('app_incident', { id: 1, opened: '1999-12-31T23:59:00Z' });
    const batch = await fresh.stage(VIEW);
    await fresh.query(`insert into ${fresh.targetTable('incident')} (incident_id) values (99)`);

    assert.partialDeepStrictEqual(await fresh.stream(batch), { outcome: 'recaptured' });

    assert.deepEqual(await fresh.states(VIEW), ['abandoned']);
    await assert.rejects(fresh.extract(VIEW), {
      kind: 'bad_data',
      message: /view xyz_incident: key 1, column open_datetime: .*lies outside the range/,
    });
  });
});
