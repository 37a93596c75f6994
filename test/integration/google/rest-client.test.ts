import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { inspect } from 'node:util';
import { codeOf, fromGoogle } from '../../../shared/google/google-errors.ts';
import { createRestClient, type RestClient, type RestRequest } from '../../../shared/google/rest-client.ts';

const TOKEN = 'Bearer hunter-token';
const PUBLISH: RestRequest = { method: 'POST', path: '/v1/t:publish', body: { data: 'hunter-body' } };

type Answer = (response: ServerResponse) => void;

const json =
  (status: number, body: object): Answer =>
  (response) =>
    void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
const refuse = (code: number, status: string) =>
  json(code, { error: { code, status, message: `Google says ${status}` } });
const raw =
  (status: number, body: string): Answer =>
  (response) =>
    void response.writeHead(status).end(body);
const redirect =
  (status: number, location: string): Answer =>
  (response) =>
    void response.writeHead(status, { location }).end();
const DROP: Answer = (response) => void response.socket?.destroy();
const CUT_OFF: Answer = (response) => {
  response.writeHead(200, { 'content-length': 100 }).write('{"hunter":');
  setTimeout(() => response.socket?.destroy(), 5);
};
const NEVER: Answer = () => undefined;
const NEVER_ENDING: Answer = (response) => void response.writeHead(200).write('{');
const OK = json(200, { messageIds: ['1'] });

describe('a call by REST', () => {
  let server: Server;
  let answers: Answer[];
  let received: { headers: Record<string, unknown>; body: string }[];
  let sockets: Set<Socket>;
  let headersOf: () => Promise<Headers>;

  beforeEach(async () => {
    answers = [];
    received = [];
    sockets = new Set();
    headersOf = async () => new Headers({ authorization: TOKEN });
    server = createServer(async (request, response) => {
      sockets.add(request.socket);
      received.push({ headers: request.headers, body: await text(request) });
      (answers.shift() ?? OK)(response);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });

  const clientOf = (timeoutSeconds = 60): RestClient =>
    createRestClient(
      `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      { getRequestHeaders: () => headersOf() },
      timeoutSeconds,
    );
  const failure = async (client: RestClient): Promise<Error> =>
    await client.request(PUBLISH).then(
      () => assert.fail('it did not fail'),
      (error: Error) => error,
    );

  it('sends the token and JSON, and returns JSON', async () => {
    assert.deepEqual(await clientOf().request(PUBLISH), { messageIds: ['1'] });

    const [call] = received;
    assert.deepEqual(JSON.parse(String(call?.body)), PUBLISH.body);
    assert.partialDeepStrictEqual(call?.headers, {
      authorization: TOKEN,
      'content-type': 'application/json',
    });
  });

  it('uses open connections again', async () => {
    const client = clientOf();
    for (let n = 0; n < 20; n += 1) await client.request(PUBLISH);

    assert.ok(sockets.size <= 2, `${sockets.size} connections`);
  });

  for (const [what, answer] of [
    ['UNAVAILABLE', refuse(503, 'UNAVAILABLE')],
    ['INTERNAL', refuse(500, 'INTERNAL')],
    ['RESOURCE_EXHAUSTED', refuse(429, 'RESOURCE_EXHAUSTED')],
    ['ABORTED', refuse(409, 'ABORTED')],
    ['CANCELLED', refuse(499, 'CANCELLED')],
    ['a failure of a proxy', raw(502, '<html>bad gateway</html>')],
    ['a dropped connection', DROP],
    ['an answer that is cut off', CUT_OFF],
    ['an answer that is not JSON', raw(200, 'hunter')],
  ] as const) {
    it(`is repeated after ${what}`, async () => {
      answers.push(answer, answer);

      assert.deepEqual(await clientOf().request(PUBLISH), { messageIds: ['1'] });
      assert.equal(received.length, 3);
    });
  }

  for (const [answer, code, kind] of [
    [refuse(403, 'PERMISSION_DENIED'), 7, 'unauthorized'],
    [refuse(401, 'UNAUTHENTICATED'), 16, 'unauthorized'],
    [refuse(404, 'NOT_FOUND'), 5, 'configuration'],
    [refuse(400, 'INVALID_ARGUMENT'), 3, 'warehouse'],
    [refuse(400, 'FAILED_PRECONDITION'), 9, 'warehouse'],
    [refuse(409, 'ALREADY_EXISTS'), 6, 'bug'],
    [refuse(501, 'UNIMPLEMENTED'), 12, 'bug'],
    [raw(403, 'no JSON'), 403, 'unauthorized'],
    [raw(404, '{"error":"text"}'), 404, 'configuration'],
    [raw(400, 'null'), 400, 'warehouse'],
  ] as const) {
    it(`fails at once as ${kind} with the code ${code}, as by gRPC`, async () => {
      answers.push(answer);

      const error = await failure(clientOf());

      assert.equal(codeOf(error), code);
      assert.equal(fromGoogle(error, 'topic x').kind, kind);
      assert.match(error.message, code > 16 ? /^HTTP status \d+$/ : /^Google says [A-Z_]+$/);
      assert.equal(received.length, 1);
    });
  }

  for (const [what, never] of [
    ['an answer', NEVER],
    ['the end of an answer', NEVER_ENDING],
  ] as const) {
    it(`without ${what} in time is repeated once more, and then transient (I8)`, async () => {
      answers.push(never);
      assert.deepEqual(await clientOf(0.5).request(PUBLISH), { messageIds: ['1'] });
      assert.equal(received.length, 2);

      answers.push(never, never, never);
      const startedMs = performance.now();
      const error = await failure(clientOf(0.5));

      assert.deepEqual(kindAndMessage(error), ['transient', 'no answer within 0.5 seconds']);
      assert.equal(received.length, 4);
      const waitedMs = performance.now() - startedMs;
      assert.ok(waitedMs > 950, `it took ${waitedMs} ms`);
    });
  }

  it('that timed out leaves no connection behind', async () => {
    answers.push(NEVER, NEVER);

    await failure(clientOf(0.2));

    for (const socket of sockets) if (!socket.destroyed) await once(socket, 'close');
    assert.equal(sockets.size, 2);
  });

  it('throws the last failure when the service keeps failing', async () => {
    answers.push(...Array.from({ length: 50 }, () => refuse(503, 'UNAVAILABLE')));

    const error = await failure(clientOf(0.5));

    assert.equal(error.message, 'Google says UNAVAILABLE');
    assert.ok(received.length >= 3 && received.length < 10, `${received.length} attempts`);
  });

  it('to a server that is not there is transient', async () => {
    const client = clientOf(0.2);
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');

    const error = await failure(client);

    assert.equal(codeOf(error), 'ECONNREFUSED');
    assert.equal(fromGoogle(error, 'x').kind, 'transient');
    assert.match(error.message, new RegExp(`ECONNREFUSED.*${port}`));
    server.listen(0);
  });

  for (const answer of [refuse(403, 'PERMISSION_DENIED'), raw(200, 'hunter'), raw(502, 'hunter'), CUT_OFF]) {
    it('keeps token, request and answer out of its error', async () => {
      answers.push(...Array.from({ length: 50 }, () => answer));

      const error = await failure(clientOf(0.2));

      const shown = inspect(fromGoogle(error, 'topic x'), { depth: 10, showHidden: true });
      assert.doesNotMatch(shown, /hunter/);
    });
  }

  for (const status of [302, 307]) {
    it(`follows no redirection, which could take the token elsewhere: ${status}`, async () => {
      const receivedElsewhere: string[] = [];
      const elsewhere = createServer((request, response) => {
        receivedElsewhere.push(String(request.url));
        OK(response);
      }).listen(0, '127.0.0.1');
      await once(elsewhere, 'listening');
      const location = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}/elsewhere`;
      answers.push(...Array.from({ length: 50 }, () => redirect(status, location)));

      try {
        await failure(clientOf(0.2));

        assert.deepEqual(receivedElsewhere, []);
      } finally {
        elsewhere.close();
        elsewhere.closeAllConnections();
      }
    });
  }

  describe('whose token', () => {
    it('is refused is unauthorized, whatever the status', async () => {
      for (const code of [400, 403, 404]) {
        headersOf = async () => {
          throw Object.assign(new Error('Could not refresh access token'), { code });
        };
        const error = await failure(clientOf());

        const { kind, advice } = fromGoogle(error, 'topic x');
        assert.equal(kind, 'unauthorized');
        assert.match(advice, /^Check the credentials/);
        assert.match(error.message, /no access token: Could not refresh access token/);
      }
      assert.deepEqual(received, []);
    });

    it('cannot be had for the moment is repeated', async () => {
      let calls = 0;
      headersOf = async () => {
        calls += 1;
        if (calls === 1) throw Object.assign(new Error('x'), { code: 503 });
        if (calls === 2) throw Object.assign(new Error('x'), { code: 'ECONNREFUSED' });
        return new Headers();
      };

      await clientOf().request(PUBLISH);

      assert.deepEqual([calls, received.length], [3, 1]);
    });

    it('never arrives is transient', async () => {
      headersOf = () => new Promise(() => undefined);

      const error = await failure(clientOf(0.2));

      assert.deepEqual(kindAndMessage(error), ['transient', 'no answer within 0.2 seconds']);
    });
  });
});

const kindAndMessage = (error: Error): string[] => [fromGoogle(error, 'topic x').kind, error.message];
