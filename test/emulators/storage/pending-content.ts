import { createHash, randomUUID } from 'node:crypto';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Crc32c } from './crc32c.ts';

/** The complete bytes of a future object, in a file. */
export interface Content {
  readonly path: string;
  readonly size: number;
  /** base64, as in the metadata of an object. */
  readonly md5Hash: string;
  readonly crc32c: string;
}

/**
 * The content of an upload under way: a growing file and the checksums of its bytes. The memory that it needs does not depend on the size.
 * After a broken `append` it holds exactly the bytes that arrived, so that a resumable upload can continue from there.
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

  /** Writes the chunks in order, without the first `skip` bytes, which an earlier request brought. */
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

  /** Removes the file. Safe to repeat, also after `finish` as long as the content is not an object. */
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
