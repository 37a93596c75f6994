import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { StoredObject } from './object-resource.ts';
import type { ObjectStore } from './object-store.ts';
import { PendingContent } from './pending-content.ts';
import { invalid, notFound } from './storage-error.ts';
import { type Checksums, insertVerified, type Upload } from './upload.ts';

/** What a session has: the finished object, or so many bytes of it. */
export type SessionState =
  | { readonly object: StoredObject }
  | { readonly object?: undefined; readonly received: number };

interface Session {
  readonly upload: Upload;
  readonly content: PendingContent;
  object?: StoredObject;
  /** The request that is being read, and the end of that reading. */
  reading?: { readonly body: Readable; readonly done: Promise<unknown> };
}

interface ContentRange {
  /** Absent in a request without content: `bytes *\/…`. */
  readonly start?: number;
  /** Absent where the content ends with the request. */
  readonly end?: number;
  /** Absent where the sender does not know it yet. */
  readonly total?: number;
}

/**
 * Resumable upload sessions. They live in memory: after a restart a session is not found, upon which clients begin
 * anew. An interrupted request leaves what arrived of it; a later request, even one that overlaps, goes on from there.
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
   * Takes one request of a session: content, or a question for the state. The object appears with the last byte.
   * A request that arrives while an earlier one is still read ends that one, as its sender has given it up.
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

  async cancel(id: string): Promise<void> {
    const session = this.#find(id);
    this.#sessions.delete(id);
    await endReading(session);
    await session.content.discard();
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

  /** A content that is refused ends its session. */
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

/** A request without a known end ends the content, unless a total says that more has to come. */
function isComplete({ start, end, total }: ContentRange, size: number): boolean {
  if (total !== undefined && size > total)
    throw invalid(`The upload has ${size} bytes, more than its ${total}.`);
  if (total !== undefined) return size === total;
  return start !== undefined && end === undefined;
}

/** No header at all means that the request carries the whole content. */
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
