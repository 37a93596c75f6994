import { createHash, randomUUID } from 'node:crypto';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Crc32c } from './crc32c.ts';

/** Bytes that are complete, in a file of their own, and not yet an object. */
export interface Content {
  readonly path: string;
  readonly size: number;
  /** Both base64, as in an object's metadata. */
  readonly md5Hash: string;
  readonly crc32c: string;
}

/**
 * An upload under way: a file that grows, with the checksums of what it holds. Memory does not depend on its size.
 * After a broken `append` it holds exactly what arrived before, so that a resumable upload can go on from there.
 */
export class PendingContent {
  size = 0;
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #md5 = createHash('md5');
  readonly #crc32c = new Crc32c();

  private constructor(path: string, file: FileHandle) {
    this.#path = path;
    this.#file = file;
  }

  static async create(folder: string): Promise<PendingContent> {
    const path = join(folder, randomUUID());
    return new PendingContent(path, await open(path, 'wx'));
  }

  /** Writes the chunks in order; the first `skip` bytes are passed over, because they were received before. */
  async append(chunks: AsyncIterable<Uint8Array>, skip = 0): Promise<void> {
    let toSkip = skip;
    for await (const chunk of chunks) {
      const fresh = chunk.subarray(toSkip);
      toSkip -= chunk.length - fresh.length;
      if (fresh.length > 0) await this.#write(fresh);
    }
  }

  async finish(): Promise<Content> {
    await this.#file.close();
    return {
      path: this.#path,
      size: this.size,
      md5Hash: this.#md5.digest('base64'),
      crc32c: this.#crc32c.base64(),
    };
  }

  /** Safe to repeat, and after `finish` as long as the content has not become an object. */
  async discard(): Promise<void> {
    await this.#file.close();
    await rm(this.#path, { force: true });
  }

  async #write(chunk: Uint8Array): Promise<void> {
    await this.#file.write(chunk, 0, chunk.length, this.size);
    this.#md5.update(chunk);
    this.#crc32c.update(chunk);
    this.size += chunk.length;
  }
}
