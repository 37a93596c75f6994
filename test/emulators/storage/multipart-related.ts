import { invalid } from './storage-error.ts';

/** More than the metadata of any object; guards against reading media as metadata. */
const MAX_METADATA_BYTES = 1024 * 1024;
const BLANK_LINE = '\r\n\r\n';

export interface MultipartRelated {
  /** The first part, parsed. */
  readonly metadata: unknown;
  readonly mediaType: string | undefined;
  /** The second part, while it arrives. Throws if the body ends before its closing boundary. */
  readonly media: AsyncIterable<Uint8Array>;
}

/**
 * Reads a `multipart/related` body of two parts, JSON and media (RFC 2387), in constant memory: the metadata at once, the media
 * while the caller iterates. This is own code because parsers of forms do not read this kind.
 * https://cloud.google.com/storage/docs/uploading-objects#multipart-upload
 */
export async function readMultipartRelated(
  body: AsyncIterable<Uint8Array>,
  contentType: string,
): Promise<MultipartRelated> {
  const boundary = /boundary=(?:"([^"]+)"|([^\s;]+))/i.exec(contentType);
  const delimiter = `--${boundary?.[1] ?? boundary?.[2] ?? ''}`;
  if (delimiter === '--') throw invalid('A multipart upload needs a boundary in its Content-Type.');
  const chunks = body[Symbol.asyncIterator]();
  let buffered = Buffer.alloc(0);

  /** Takes the text before the mark, and the mark, from the body. */
  const readTo = async (mark: string): Promise<string> => {
    for (;;) {
      const end = buffered.indexOf(mark);
      if (end !== -1) {
        const text = buffered.subarray(0, end).toString();
        buffered = buffered.subarray(end + mark.length);
        return text;
      }
      const next = buffered.length > MAX_METADATA_BYTES ? undefined : await chunks.next();
      if (!next || next.done) throw invalid('Malformed multipart body.');
      buffered = Buffer.concat([buffered, next.value]);
    }
  };

  async function* readMedia(): AsyncGenerator<Uint8Array> {
    const mark = `\r\n${delimiter}--`;
    for (;;) {
      const end = buffered.indexOf(mark);
      if (end !== -1) {
        yield buffered.subarray(0, end);
        return;
      }
      // The last bytes may be the beginning of the mark.
      const certain = Math.max(0, buffered.length - mark.length + 1);
      if (certain > 0) yield buffered.subarray(0, certain);
      const next = await chunks.next();
      if (next.done) throw invalid('The multipart body ended before its closing boundary.');
      buffered = Buffer.concat([buffered.subarray(certain), next.value]);
    }
  }

  await readTo(delimiter);
  await readTo(BLANK_LINE);
  const metadata = parseJson(await readTo(`\r\n${delimiter}`));
  const mediaHeaders = await readTo(BLANK_LINE);
  const mediaType = /^content-type:\s*(.+?)\s*$/im.exec(mediaHeaders)?.[1];
  return { metadata, mediaType, media: readMedia() };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw invalid('The metadata part of a multipart upload must be JSON.');
  }
}
