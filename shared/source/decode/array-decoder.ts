import { ELEMENT_IS_NULL, JSON_NULL, NESTED_ARRAY, withUnfitElement } from './reasons.ts';
import { NULL_LENGTH } from './tuple-reader.ts';
import type { Decoder } from './value-decoder.ts';

// array_send: the number of dimensions, whether there are NULLs, the type of the elements; length and lower bound of each dimension; the elements.
const HEADER_BYTES = 12;
const DIMENSION_BYTES = 8;
const LENGTH_BYTES = 4;

/** Decodes an array of one dimension as a REPEATED column, which holds neither NULL nor another dimension. */
export function arrayDecoder(element: Decoder): Decoder {
  return (buffer, at, _length, writer) => {
    const dimensions = buffer.readInt32BE(at);
    if (dimensions > 1) return NESTED_ARRAY;
    const count = dimensions === 0 ? 0 : buffer.readInt32BE(at + HEADER_BYTES);
    writer.beginArray(count);
    let place = at + HEADER_BYTES + DIMENSION_BYTES;
    let unfit: string | null = null;
    for (let i = 0; i < count; i += 1) {
      const length = buffer.readInt32BE(place);
      place += LENGTH_BYTES;
      if (length === NULL_LENGTH) return ELEMENT_IS_NULL;
      const reason = element(buffer, place, length, writer);
      if (reason === JSON_NULL) return ELEMENT_IS_NULL;
      if (reason !== null) unfit ??= withUnfitElement(reason);
      place += length;
    }
    if (unfit !== null) return unfit;
    writer.endArray();
    return null;
  };
}
