import { Writable } from 'node:stream';

/** Takes what a log writes, to look at it line by line. */
export class LineSink extends Writable {
  #text = '';

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#text += chunk.toString('utf8');
    done();
  }

  /** The lines so far, each as the JSON object that it must be. */
  records(): Record<string, unknown>[] {
    return this.#text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  }
}
