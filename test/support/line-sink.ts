import { Writable } from 'node:stream';

/** A stream that collects the lines of a log. */
export class LineSink extends Writable {
  #text = '';

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#text += chunk.toString('utf8');
    done();
  }

  /** Returns all lines so far, parsed as JSON objects. */
  records(): Record<string, unknown>[] {
    return this.#text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  }
}
