import assert from 'node:assert/strict';
import { dispatch } from '../../../functions/extract/extract.ts';
import type { ViewStatus } from '../../../shared/control/status.ts';
import { AdminClient, type AdminPage, unescaped } from '../../support/admin.ts';
import { type Installation, STREAMED_ENTRY } from '../../support/installation.ts';
import type { Stack } from '../../support/stack.ts';
import { useInstallation } from '../../support/use-installation.ts';

export const VIEW = 'pmr_project';
export const OPERATOR = 'operator@example.com';
/** The last part of the address of each action. */
export const PATHS = [
  ...['run', 'pause', 'resume', 'redrive', 'reconcile', 'repair', 'keys', 'recheck', 'resync', 'load-type'],
  ...['accept-cost', 'purge', 'forget'],
];
export const SCRIPT = '"><script>alert(1)</script>';

/** The hidden fields of the form that confirms an action. */
export const hiddenOf = ({ html }: AdminPage): Record<string, string> => {
  const forms = html.split('<form ').filter((form) => form.includes('name="requestId"'));
  const fields = [...(forms[0] ?? '').matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g)];
  return Object.fromEntries(fields.map(([, name = '', value = '']) => [name, unescaped(value)]));
};

export const isOffered = (page: AdminPage): boolean => 'requestId' in hiddenOf(page);

/** An installation with two rows for the tests of a `describe`. Before each test no view is stopped, and nothing is asked for. */
export function useActions() {
  const { on, stack } = useInstallation({ per: 'file', views: [STREAMED_ENTRY] });
  let operator: AdminClient;

  before(async () => {
    await on.source.add('app_project', { id: 1, name: 'one' }, { id: 2, name: 'two' });
    await on.catchUp();
  });

  beforeEach(async () => {
    operator = new AdminClient(() => on.dependencies);
    await on.control.query(`truncate etl.audit; delete from etl.queued_key; delete from etl.lease;
      update etl.view_source set paused = false, paused_until = null, halted_at = null, halted_reason = null,
        resync_requested_at = null, daily_budget_bytes = null, cost_accepted_on = null, enabled = true`);
    for (const mailbox of Object.values(on.mailboxes)) await mailbox.take();
  });

  /** Opens the page of an action and confirms it. */
  const act = async (path: string, fields: Record<string, string> = {}, view = VIEW): Promise<AdminPage> => {
    const address = `/views/${view}/${path}`;
    const page = await operator.get(address);
    assert.equal(page.status, 200, page.text);
    return await operator.post(address.split('?')[0] ?? '', { ...hiddenOf(page), ...fields });
  };
  const audit = async () =>
    (await on.control.query('select * from etl.audit order by id')).rows as Record<string, unknown>[];
  const status = async (view = VIEW): Promise<ViewStatus | undefined> =>
    (await on.dependencies.control.status.views(view))[0];
  /** What the next page says that was done. */
  const notice = async () => (await operator.get('/audit')).text;
  /** Lets extract take the messages that it was sent. */
  const deliver = async () => {
    const events = await on.mailboxes.extract.take();
    for (const event of events) {
      await dispatch(event, { functionName: 'extract', event, messageId: 'm1' }, on.dependencies);
    }
    return events;
  };
  return {
    ...({ on, stack } satisfies { on: Installation; stack: Stack }),
    ...{ act, audit, status, notice, deliver },
    get operator() {
      return operator;
    },
  };
}
