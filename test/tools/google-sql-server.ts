import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

/** Where `npm run test:tools` installs the parser: its programs, and their protocol in `protos`. */
export const PARSER_FOLDER = join(
  import.meta.dirname,
  'node_modules/@fivetrandevelopers/zetasql/lib/zetasql',
);

/** The package's programs, by `process.platform` and `process.arch`. */
const PROGRAMS: Readonly<Record<string, string>> = {
  'darwin-arm64': 'remote_server_arm',
  'darwin-x64': 'remote_server',
  'linux-arm64': 'remote_server_arm.so',
  'linux-x64': 'remote_server.so',
};

export interface GoogleSqlServer extends AsyncDisposable {
  /** Address in the form that gRPC clients use. */
  address: string;
}

/**
 * Starts Google's GoogleSQL parser in its own process. Disposal stops the process and waits for its end; it also ends when
 * this process exits. It listens on a socket in a new temporary folder, which needs neither a network nor a free port.
 * Throws the errors of `parserProgram`, and an error if the program cannot run here.
 */
export async function startGoogleSqlServer(): Promise<GoogleSqlServer> {
  const program = parserProgram(PARSER_FOLDER, `${process.platform}-${process.arch}`);
  await using started = new AsyncDisposableStack();

  const socketFolder = await mkdtemp(join(tmpdir(), 'google-sql-'));
  const removeSocketFolder = () => rmSync(socketFolder, { recursive: true, force: true });
  started.defer(removeSocketFolder);
  // The program joins its arguments, a host and a port, with a colon, so the socket is the file `parser:0`.
  const host = `unix:${join(socketFolder, 'parser')}`;
  const server = spawn(program, [host, '0'], { stdio: ['ignore', 'pipe', 'inherit'] });
  started.defer(() => end(server));
  const abandon = () => {
    server.kill();
    removeSocketFolder();
  };
  process.once('exit', abandon);
  started.defer(() => void process.off('exit', abandon));

  try {
    await untilListening(server, server.stdout);
  } catch (error) {
    throw new Error(`Google's GoogleSQL parser does not run here (${program})`, { cause: error });
  }
  const running = started.move();
  return { address: `${host}:0`, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

/**
 * The path of the parser's program for a platform, such as `linux-x64`.
 * Throws an error with advice if the platform has no program or the package is not installed.
 */
export function parserProgram(parserFolder: string, platform: string): string {
  const name = PROGRAMS[platform];
  if (name === undefined) {
    const supported = Object.keys(PROGRAMS).join(', ');
    throw new Error(`Google's GoogleSQL parser has no program for ${platform}, only for ${supported}`);
  }
  const program = join(parserFolder, name);
  if (!existsSync(program)) {
    throw new Error(`Google's GoogleSQL parser is not installed: run \`npm run test:tools\` (no ${program})`);
  }
  return program;
}

async function untilListening(server: ChildProcess, output: Readable): Promise<void> {
  await once(server, 'spawn');
  for await (const line of createInterface({ input: output })) {
    if (line.startsWith('Server listening')) {
      output.resume(); // leaving the loop pauses it, and a full pipe would stop the server
      return;
    }
  }
  throw new Error('the program ended before it listened');
}

async function end(server: ChildProcess): Promise<void> {
  const isRunning = server.pid !== undefined && server.exitCode === null && server.signalCode === null;
  if (!isRunning) return;
  const exited = once(server, 'exit');
  server.kill();
  await exited;
}
