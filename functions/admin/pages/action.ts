import { Hono } from 'hono';
import { z } from 'zod';
import { asDataHubError, type DataHubError } from '../../../shared/errors.ts';
import { parseOperation } from '../../../shared/events/extract-event.ts';
import { REQUEST_SENT } from '../../../shared/operations/audited.ts';
import { requestOperation } from '../../../shared/operations/request-operation.ts';
import type { Requester } from '../../../shared/operations/requester.ts';
import { assertOperator } from '../access/user.ts';
import { type Action, isPossible, type Preview, type Subject } from '../actions/action.ts';
import { type ActionPage, answerAction } from '../actions/action-page.ts';
import { ACTIONS } from '../actions/actions.ts';
import { readFields, type Values } from '../actions/field.ts';
import type { AdminContext, AdminEnv } from '../request.ts';
import { keepNotice } from '../ui/notice.ts';

/** The actions on a view: each is explained first (GET), and done by its one button (POST). For operators. */
export function actions(): Hono<AdminEnv> {
  const app = new Hono<AdminEnv>();
  for (const action of ACTIONS) {
    app.get(`/views/:view/${action.path}`, async (c) => {
      assertOperator(c.get('user'));
      const subject = await subjectOf(c);
      return subject === null ? await c.notFound() : await explain(c, action, subject, c.req.query());
    });
    app.post(`/views/:view/${action.path}`, async (c) => {
      const subject = await subjectOf(c);
      const form = textsOf(await c.req.parseBody());
      if (subject === null) return (await leadToFirst(c, form)) ?? (await c.notFound());
      return form.step === 'preview'
        ? await explain(c, action, subject, form)
        : await perform(c, action, subject, form);
    });
  }
  return app;
}

/** The view that the address names; null if there is none. */
async function subjectOf(c: AdminContext): Promise<Subject | null> {
  const dependencies = c.get('dependencies');
  const { control } = dependencies;
  const name = c.req.param('view') ?? '';
  const source = (await control.viewSources.list()).find((each) => each.name === name);
  if (source === undefined) return null;
  const [status] = await control.status.views(name, { costDays: 1 });
  return status === undefined ? null : { source, status, dependencies };
}

const textsOf = (form: Record<string, unknown>): Values =>
  Object.fromEntries(
    Object.entries(form).flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : [])),
  );

/** Shows what an action would do. An address that fills in nothing yet asks for the input first. */
async function explain(c: AdminContext, action: Action, subject: Subject, given: Values): Promise<Response> {
  const isEmpty = action.input.every(({ name }) => given[name] === undefined);
  const { values, problems } = readFields(action.input, given);
  if (isEmpty && problems.length > 0) return await answerAction(c, { action, subject, given, preview: null });
  if (problems.length > 0) {
    return await answerAction(c, { action, subject, given, preview: null, problems }, 400);
  }
  return await previewOrProblem(c, { action, subject, given: values });
}

/** The preview of what was filled in, if that makes an operation at all. */
async function previewOrProblem(
  c: AdminContext,
  { action, subject, given }: Pick<ActionPage, 'action' | 'subject' | 'given'>,
): Promise<Response> {
  try {
    parseOperation(action.payload(subject, given));
  } catch (thrown) {
    const failure = asDataHubError(thrown);
    if (failure.kind !== 'invalid_event') throw failure;
    return await answerAction(c, { action, subject, given, preview: null, problems: [failure.message] }, 400);
  }
  const preview = await action.preview(subject, given);
  return await answerAction(c, { action, subject, given, preview });
}

const confirmation = z.object({
  requestId: z.uuid(),
  why: z.string().trim().max(500).default(''),
  confirm: z.string().trim().default(''),
});

/** Does what an operator has confirmed, and leads on to where its effect can be seen. */
async function perform(c: AdminContext, action: Action, subject: Subject, form: Values): Promise<Response> {
  const view = subject.source.name;
  const { values, problems } = readFields([...action.input, ...(action.options?.(subject) ?? [])], form);
  const confirmed = confirmation.safeParse(form);
  if (!confirmed.success) problems.push('This form is not complete: reload the page and send it again.');
  const { requestId = '', why = '', confirm = '' } = confirmed.data ?? {};
  if (why.includes('\0')) problems.push('The reason has a character that cannot be stored.');
  if (action.isTyped && why === '') problems.push('Say why.');
  if (action.isTyped && confirm !== view) problems.push(`Type ${view} to confirm.`);
  const given = { ...form, ...values };
  const again = { action, subject, given };
  if (problems.length > 0) return await explainAgain(c, { ...again, problems }, 400);
  const done = await leadToDone(c, form);
  if (done !== null) return done;
  // A form that nobody has looked at the preview for, or whose view has changed since.
  const preview = await action.preview(subject, values);
  const refusal = refusalOf(preview);
  if (refusal !== null)
    return (await leadToFirst(c, form)) ?? (await answerAction(c, { ...again, preview }, refusal));
  const requester: Requester = {
    via: 'page',
    by: c.get('user').name,
    why: why === '' ? null : why,
    requestId,
  };
  try {
    const result = await ask(action, subject, values, requester);
    const entry = await subject.dependencies.control.audit.idOf(requestId);
    keepNotice(c, { text: action.done(view, result), audit: String(entry) });
    const effect = action.effect?.(view, `/audit/${entry}`) ?? `/views/${encodeURIComponent(view)}`;
    return c.redirect(effect, 303);
  } catch (thrown) {
    const failure = asDataHubError(thrown);
    const first = failure.context.code === REQUEST_SENT ? await leadToFirst(c, form) : null;
    if (first !== null) return first;
    const status = STATUS[failure.kind];
    if (status === undefined) throw failure;
    return await explainAgain(c, { ...again, failure }, status);
  }
}

/** The status of the answer if the preview says that the action cannot be done now; null if it can. */
function refusalOf(preview: Preview): 409 | 503 | null {
  if (isPossible(preview)) return null;
  return preview.refused === undefined ? 503 : 409;
}

/** What the operation refused, or could not reach; anything else is a failure of the page. */
const STATUS: Partial<Record<DataHubError['kind'], 400 | 409 | 503>> = {
  invalid_event: 400,
  configuration: 400,
  superseded: 409,
  transient: 503,
  unauthorized: 503,
};

async function explainAgain(
  c: AdminContext,
  shown: Omit<ActionPage, 'preview'>,
  status: 400 | 409 | 503,
): Promise<Response> {
  const { action, subject, given } = shown;
  const { values, problems } = readFields(action.input, given);
  const preview = problems.length > 0 ? null : await action.preview(subject, values);
  return await answerAction(c, { ...shown, preview }, status);
}

/** Runs the operation here, or asks `extract` for it, and returns its answer. */
async function ask(
  action: Action,
  subject: Subject,
  values: Values,
  requester: Requester,
): Promise<Record<string, unknown>> {
  const { dependencies } = subject;
  const payload = action.payload(subject, values);
  if (action.runsIn === 'extract') return await requestOperation(payload, dependencies, requester);
  const operation = parseOperation({ ...payload, by: requester.by });
  const given = 'why' in operation ? { ...operation, why: requester.why } : operation;
  const { runOperation } = await import('../../../shared/operations/run-operation.ts');
  return { ...(await runOperation(given, dependencies, requester)) };
}

/** A form that was sent and done before: its answer would say what may be undone since. Null if it was not. */
async function leadToDone(c: AdminContext, form: Values): Promise<Response | null> {
  const { audit } = c.get('dependencies').control;
  const id = await audit.idOf(form.requestId ?? '');
  const entry = id === null ? null : await audit.find(id);
  return entry === null || entry.outcome === null ? null : await leadToFirst(c, form);
}

/** A form that was sent twice: the second leads to what the first one does. Null if there was no first one. */
async function leadToFirst(c: AdminContext, { requestId = '' }: Values): Promise<Response | null> {
  const id = await c.get('dependencies').control.audit.idOf(requestId.replaceAll('\0', ''));
  if (id === null) return null;
  keepNotice(c, { text: 'This was asked for already, and is not done twice.', audit: String(id) });
  return c.redirect(`/audit/${id}`, 303);
}
