import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { StoredObject } from './object-resource.ts';
import type { ObjectStore } from './object-store.ts';
import { PendingContent } from './pending-content.ts';
import { invalid, notFound } from './storage-error.ts';
import { type Checksums, insertVerified, type Upload } from './upload.ts';

/** What a session has so far: the finished object, or a number of bytes. */
export type SessionState =
  | { readonly object: StoredObject }
  | { readonly object?: undefined; readonly received: number };

interface Session {
  readonly upload: Upload;
  readonly content: PendingContent;
  object?: StoredObject;
  /** The body that is being read; `done` resolves when that ends. */
  reading?: { readonly body: Readable; readonly done: Promise<unknown> };
}

interface ContentRange {
  /** Absent in a request without content: `bytes *\/…`. */
  readonly start?: number;
  /** Absent if the content ends with the request. */
  readonly end?: number;
  /** Absent if the sender does not know it yet. */
  readonly total?: number;
}

/**
 * Sessions of resumable uploads: https://cloud.google.com/storage/docs/resumable-uploads
 * An interrupted request leaves the bytes that arrived, and a later request continues from there, even if it overlaps. Sessions live
 * in memory: after a restart they are not found, and clients start a new one.
 */
export class ResumableUploads {
  readonly #store: ObjectStore;
  readonly #sessions = new Map<string, Session>();

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  async start(upload: Upload): Promise<string> {
    const id = randomUUID();
    this.#sessions.set(id, { upload, content: await PendingContent.create(this.#store.uploadFolder) });
    return id;
  }

  /**
   * Takes one request of a session: content, or a question about its state. The object exists from the last byte on.
   * A request ends an earlier one of the session that is still being read: its sender has given that up.
   * https://cloud.google.com/storage/docs/performing-resumable-uploads#status-check
   */
  async receive(
    id: string,
    body: Readable,
    contentRange: string | undefined,
    checksums: Checksums,
  ): Promise<SessionState> {
    const session = this.#find(id);
    const range = parseContentRange(contentRange);
    await endReading(session);
    if (session.object) return { object: session.object };
    if (range.start !== undefined) await this.#read(session, body, range.start);
    if (!isComplete(range, session.content.size)) return { received: session.content.size };
    session.object = await this.#finish(id, session, checksums);
    return { object: session.object };
  }

  #find(id: string): Session {
    const session = this.#sessions.get(id);
    if (!session) throw notFound('No such upload session.');
    return session;
  }

  async #read(session: Session, body: Readable, start: number): Promise<void> {
    const { content } = session;
    if (start > content.size) {
      throw invalid(`The upload has ${content.size} bytes, so it cannot go on at ${start}.`);
    }
    const appended = content.append(body, content.size - start);
    session.reading = { body, done: appended.catch(() => undefined) };
    await appended;
  }

  /** Refused content ends its session. */
  async #finish(id: string, session: Session, checksums: Checksums): Promise<StoredObject> {
    const { upload, content } = session;
    try {
      const checked = { ...upload, checksums: { ...upload.checksums, ...withoutAbsent(checksums) } };
      return insertVerified(this.#store, checked, await content.finish());
    } catch (error) {
      this.#sessions.delete(id);
      await content.discard();
      throw error;
    }
  }
}

async function endReading(session: Session): Promise<void> {
  session.reading?.body.destroy();
  await session.reading?.done;
}

/** Without a total, the content is complete with the first request whose end is open. */
function isComplete({ start, end, total }: ContentRange, size: number): boolean {
  if (total !== undefined && size > total)
    throw invalid(`The upload has ${size} bytes, more than its ${total}.`);
  if (total !== undefined) return size === total;
  return start !== undefined && end === undefined;
}

/** A request without the header carries the whole content. */
function parseContentRange(header: string | undefined): ContentRange {
  if (header === undefined) return { start: 0 };
  const match = /^bytes (?:(\d+)-(\d+|\*)|\*)\/(\d+|\*)$/.exec(header);
  if (!match) throw invalid(`Failed to parse Content-Range header: ${header}`);
  const [, start, end, total] = match;
  return {
    ...(start !== undefined && { start: Number(start) }),
    ...(end !== undefined && end !== '*' && { end: Number(end) }),
    ...(total !== '*' && { total: Number(total) }),
  };
}

function withoutAbsent(checksums: Checksums): Checksums {
  return Object.fromEntries(Object.entries(checksums).filter(([, value]) => value !== undefined));
}
