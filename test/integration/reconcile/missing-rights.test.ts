import assert from 'node:assert/strict';
import { dispatch } from '../../../functions/reconcile/reconcile.ts';
import { useInstallation } from '../../support/use-installation.ts';

describe('a right that reconcile lacked', () => {
  const { on } = useInstallation();

  beforeEach(async () => {
    await on.source.add('app_project', { id: 1, name: 'one' });
    await on.replicate();
    await on.control.query(
      `insert into etl.etl_error (function_name, view_name, kind, message, advice)
       values ('reconcile', null, 'unauthorized', 'of all views', ''), ('reconcile', 'pmr_project', 'unauthorized', 'of a view', ''),
              ('reconcile', 'pmr_site', 'unauthorized', 'of another view', ''), ('extract', null, 'unauthorized', 'of a tick', '')`,
    );
  });

  const unresolved = async () =>
    (await on.errors()).filter((error) => error.resolved_at === null).map(({ message }) => message);

  it('is resolved when all views were asked to be checked', async () => {
    await dispatch({}, { functionName: 'reconcile', event: {} }, on.dependencies);

    assert.deepEqual(await unresolved(), ['of a view', 'of another view', 'of a tick']);
  });

  it('is resolved by a check of its view', async () => {
    assert.equal((await on.check()).outcome, 'consistent');

    assert.deepEqual(await unresolved(), ['of all views', 'of another view', 'of a tick']);
  });
});
