import { asDataHubError, type DataHubError } from '../../shared/errors.ts';
import { createLog } from '../../shared/log.ts';
import { originalStack } from '../../shared/runtime/record-outcome.ts';
import { Refusal } from './access/refusal.ts';
import { failurePage, refusalPage } from './pages/error-pages.ts';
import type { AdminContext } from './request.ts';

/** An error becomes a page that says what to do. What `admin` cannot mend itself is logged. */
export async function answerError(thrown: unknown, c: AdminContext): Promise<Response> {
  // While the control database cannot be reached, a request has no dependencies.
  const log = c.get('dependencies')?.log ?? createLog();
  if (thrown instanceof Refusal) {
    log.warn({ path: c.req.path, status: thrown.status, reason: thrown.reason }, 'admin access refused');
    return await c.html(refusalPage(thrown), thrown.status);
  }
  const error = asDataHubError(thrown);
  const status = STATUS[error.kind] ?? 500;
  if (status === 503) log.warn(lineOf(c, error), 'admin page unavailable');
  else if (status === 500) log.error(lineOf(c, error), 'admin page failed');
  return await c.html(failurePage(error, c.req.method === 'POST'), status);
}

/** The answers of errors that are not a fault of the program. */
const STATUS: Partial<Record<DataHubError['kind'], 400 | 409 | 503>> = {
  environment: 503,
  invalid_event: 400,
  superseded: 409,
  transient: 503,
  unauthorized: 503,
};

function lineOf(c: AdminContext, error: DataHubError) {
  const { kind, message, advice } = error;
  return {
    path: c.req.path,
    kind,
    error: message,
    advice,
    ...(kind === 'bug' && { stack: originalStack(error) }),
  };
}
