import { createMiddleware } from 'hono/factory';
import { logOfRequest } from '../../shared/log.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import { traceOf, traceparentOf } from '../../shared/trace.ts';
import type { AdminEnv } from './request.ts';

/** Gives a request the dependencies of the process, with a log and events that carry its trace. Throws what `open` throws. */
export function withDependencies(open: () => Promise<Dependencies>) {
  return createMiddleware<AdminEnv>(async (c, next) => {
    const dependencies = await open();
    const { config, events, log } = dependencies;
    const trace = traceOf(null, c.req.header());
    c.set('dependencies', {
      ...dependencies,
      log: logOfRequest(log, 'admin', config.projectId, trace),
      events: events.withTrace(traceparentOf(trace)),
    });
    await next();
  });
}
