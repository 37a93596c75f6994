import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as elapse } from 'node:timers/promises';
import { freePort } from '../support/free-port.ts';
import { pushed } from '../support/pushed.ts';

const START_TIMEOUT_MS = 240_000;
const POLL_INTERVAL_MS = 5;

export type StartOptions = {
  env?: Record<string, string | undefined>;
  /** For Node itself. */
  nodeFlags?: string[];
};

/** A built function under the Functions Framework of its own folder, in a process of its own, as Cloud Functions starts it. */
export class DeployedFunction {
  output = '';
  readonly #process: ChildProcess;
  readonly #port: number;

  private constructor(process: ChildProcess, port: number) {
    this.#process = process;
    this.#port = port;
    for (const stream of [process.stdout, process.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        this.output += chunk.toString('utf8');
      });
    }
  }

  /** Starts the function `target` of the package in `folder`; it does not listen yet. */
  static async launch(folder: string, target: string, options: StartOptions = {}): Promise<DeployedFunction> {
    const { env = {}, nodeFlags = [] } = options;
    const port = await freePort();
    const framework = join(folder, 'node_modules/@google-cloud/functions-framework/build/src/main.js');
    const child = spawn(process.execPath, [...nodeFlags, framework, `--target=${target}`, `--port=${port}`], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      // Nothing of this process's own environment but what a process needs.
      env: {
        PATH: process.env.PATH ?? '',
        METADATA_SERVER_DETECTION: 'none',
        FUNCTION_TARGET: target,
        // Of a function with an event trigger; ours are registered as HTTP functions all the same.
        FUNCTION_SIGNATURE_TYPE: 'cloudevent',
        ...env,
      },
    });
    return new DeployedFunction(child, port);
  }

  /** Launches a function, and answers when it listens. Throws what it said when it does not. */
  static async start(folder: string, target: string, options?: StartOptions): Promise<DeployedFunction> {
    const deployed = await DeployedFunction.launch(folder, target, options);
    await deployed.untilItAnswers(() => fetch(`http://127.0.0.1:${deployed.#port}/robots.txt`));
    return deployed;
  }

  /** A call by hand, with a JSON body. */
  call(body: object): Promise<Response> {
    return this.#post(body, {});
  }

  /** A message of a topic, as Eventarc delivers it. */
  deliver(event: object): Promise<Response> {
    return this.#post(pushed(event), {
      'ce-id': '1',
      'ce-source': '//pubsub.googleapis.com/projects/p/topics/t',
      'ce-specversion': '1.0',
      'ce-type': 'google.cloud.pubsub.topic.v1.messagePublished',
    });
  }

  #post(body: object, headers: Record<string, string>): Promise<Response> {
    return fetch(`http://127.0.0.1:${this.#port}/`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
  }

  /** Repeats `ask` while nobody listens. */
  async untilItAnswers(ask: () => Promise<Response>): Promise<Response> {
    const deadlineMs = Date.now() + START_TIMEOUT_MS;
    for (;;) {
      const answer = await ask().catch(() => null);
      if (answer !== null) return answer;
      if (this.#process.exitCode !== null || Date.now() > deadlineMs) {
        throw new Error(`it does not start: ${this.output}`);
      }
      await elapse(POLL_INTERVAL_MS);
    }
  }

  /** Waits for its own end, and answers its exit code. */
  async ended(): Promise<number | null> {
    await once(this.#process, 'close');
    return this.#process.exitCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode !== null) return;
    const exited = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await exited;
  }
}
