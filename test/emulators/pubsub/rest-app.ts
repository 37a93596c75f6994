import express, { type NextFunction, type Request, type Response } from 'express';
import { ZodError, z } from 'zod';
import { FaultError, type Faults } from '../faults.ts';
import type { Broker } from './broker.ts';
import { invalid, notFound } from './pub-sub-error.ts';
import { httpStatusOf, statusOf } from './status.ts';

/** base64 makes a message a third larger; the broker refuses those that are too large. */
const MAX_BODY = '20mb';

/** https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.topics/publish, without what the emulator does not support. */
const publishRequest = z.strictObject({
  messages: z.array(
    z.strictObject({
      data: z.base64().default(''),
      attributes: z.record(z.string(), z.string()).default({}),
    }),
  ),
});

/** The methods of Pub/Sub's REST API (v1) that the functions call, under the same names of faults as those of gRPC. */
export function restApp(broker: Broker, faults: Faults): express.Express {
  const app = express().set('etag', false).disable('x-powered-by');
  app.use(express.json({ type: () => true, limit: MAX_BODY }));
  app.get('/v1/projects/:project/topics/:topic', (request, response) =>
    answer(response, () => faults.around('pubsub.GetTopic', () => broker.topic(topicOf(request)))),
  );
  app.post('/v1/projects/:project/topics/:call', (request, response) => {
    if (!request.path.endsWith(PUBLISH)) return noMethod(request, response);
    return answer(response, () =>
      faults.around('pubsub.Publish', () => {
        const { messages } = publishRequest.parse(request.body);
        return { messageIds: broker.publish(topicOf(request), messages) };
      }),
    );
  });
  app.use(noMethod);
  app.use(answerBadBody);
  return app;
}

const PUBLISH = ':publish';

function topicOf({ params }: Request): string {
  const { project, topic, call } = params as Record<string, string>;
  return `projects/${project}/topics/${topic ?? call?.slice(0, -PUBLISH.length)}`;
}

function noMethod({ method, path }: Request, response: Response): void {
  refuse(response, notFound(`${method} ${path}`));
}

async function answer(response: Response, call: () => Promise<object>): Promise<void> {
  try {
    response.json(await call());
  } catch (error) {
    if (error instanceof FaultError && error.answer.kind === 'drop') response.socket?.destroy();
    else refuse(response, error instanceof ZodError ? invalid(z.prettifyError(error)) : error);
  }
}

/** Express takes a handler with four parameters for its error handler. It gets what express.json throws for a body. */
function answerBadBody(error: Error, _request: Request, response: Response, _next: NextFunction): void {
  refuse(response, invalid(error.message));
}

/** https://google.aip.dev/193#http11json-representation */
function refuse(response: Response, error: unknown): void {
  const status = statusOf(error);
  const code = httpStatusOf(status);
  const message = error instanceof Error ? error.message : String(error);
  response.status(code).json({ error: { code, message, status } });
}
