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
  /** Options for Node. */
  nodeFlags?: string[];
};

/** A built function in its own process, started by the Functions Framework in the function's folder, as Cloud Functions does. */
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

  /** Starts the function `target` of the package in `folder`, without waiting until it listens. */
  static async launch(folder: string, target: string, options: StartOptions = {}): Promise<DeployedFunction> {
    const { env = {}, nodeFlags = [] } = options;
    const port = await freePort();
    const framework = join(folder, 'node_modules/@google-cloud/functions-framework/build/src/main.js');
    const child = spawn(process.execPath, [...nodeFlags, framework, `--target=${target}`, `--port=${port}`], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      // Passes on nothing from this process's environment except PATH.
      env: {
        PATH: process.env.PATH ?? '',
        METADATA_SERVER_DETECTION: 'none',
        FUNCTION_TARGET: target,
        // Cloud Functions sets this for a function with an event trigger, although ours are registered as HTTP functions.
        FUNCTION_SIGNATURE_TYPE: 'cloudevent',
        ...env,
      },
    });
    return new DeployedFunction(child, port);
  }

  /** Launches a function and resolves when it listens. If it does not, throws an error with its output. */
  static async start(folder: string, target: string, options?: StartOptions): Promise<DeployedFunction> {
    const deployed = await DeployedFunction.launch(folder, target, options);
    await deployed.untilItAnswers(() => deployed.get('/robots.txt'));
    return deployed;
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** Gets a page, as a browser does. */
  get(path: string): Promise<Response> {
    return fetch(`http://127.0.0.1:${this.#port}${path}`);
  }

  /** Calls the function by hand, with a JSON body. */
  call(body: object): Promise<Response> {
    return this.#post(body, {});
  }

  /** Delivers a Pub/Sub message to the function, as Eventarc does. */
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

  /** Repeats `request` until the function answers. */
  async untilItAnswers(request: () => Promise<Response>): Promise<Response> {
    const deadlineMs = Date.now() + START_TIMEOUT_MS;
    for (;;) {
      const answer = await request().catch(() => null);
      if (answer !== null) return answer;
      if (this.#process.exitCode !== null || Date.now() > deadlineMs) {
        throw new Error(`the function does not start: ${this.output}`);
      }
      await elapse(POLL_INTERVAL_MS);
    }
  }

  /** Waits until the function ends by itself, and returns its exit code. */
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
