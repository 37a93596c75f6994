import { type Fault, FaultError, type Faults } from '../faults.ts';
import { BigQueryError } from './error.ts';

/** The call names of jobs, and of the statements of scripts: `faults.next('bigquery.job.load', failJob('backendError'))`. */
export type JobFaultName = 'bigquery.job.query' | 'bigquery.job.load' | 'bigquery.job.statement';

/** The job is accepted, has no effect, and ends with this error. */
export function failJob(reason: string, message = `scripted fault: ${reason}`): Fault {
  return { before: () => Promise.reject(new BigQueryError(reason, message)) };
}

/** The job has its whole effect, and ends with this error all the same. */
export function failJobAfterEffect(reason: string): Fault {
  return { after: { kind: 'status', status: 'FAILED', reason } };
}

/**
 * Runs the effect of a job under its fault. `hold()` and `delay()` keep the job RUNNING. A job that is stopped before its effect begins
 * ends at once and never has it; an effect that has begun runs to its end.
 */
export async function underFault<T>(
  faults: Faults,
  name: JobFaultName,
  stopSignal: AbortSignal,
  effect: () => Promise<T>,
): Promise<T> {
  let begun = false;
  const stopped = Promise.withResolvers<never>();
  stopSignal.addEventListener('abort', () => {
    if (!begun) stopped.reject(stopSignal.reason);
  });
  const running = faults.around(name, () => {
    stopSignal.throwIfAborted();
    begun = true;
    return effect();
  });
  try {
    return await Promise.race([running, stopped.promise]);
  } catch (error) {
    if (!(error instanceof FaultError)) throw error;
    const reason = error.answer.kind === 'status' ? error.answer.reason : 'backendError';
    throw new BigQueryError(reason, `scripted fault: ${reason}`);
  }
}
