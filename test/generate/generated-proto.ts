import { streamProto } from './stream-proto.ts';
import { type Views, viewShapes } from './view-shapes.ts';

/** The files of proto/ by name: a .proto for each streamed view among these. */
export async function generatedProto(views: Views): Promise<Map<string, string>> {
  const streamed = (await viewShapes(views)).filter(({ shape }) => shape.loadType === 'bq-storage-api');
  return new Map(streamed.map(({ shape }) => [`${shape.target}.proto`, streamProto(shape)]));
}
