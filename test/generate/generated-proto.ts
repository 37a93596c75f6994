import { streamProto } from '../../shared/warehouse/stream-proto.ts';
import { type Views, viewShapes } from './view-shapes.ts';

/** The files of proto/ by name: a .proto for each streamed view among these. */
export async function generatedProto(views: Views): Promise<Map<string, string>> {
  const streamed = (await viewShapes(views)).filter(({ shape }) => shape.loadType === 'bq-storage-api');
  return new Map(
    streamed.map(({ shape }) => [
      `${shape.target}.proto`,
      `${introduction(shape.view)}${streamProto(shape)}`,
    ]),
  );
}

const introduction = (view: string): string =>
  `// The rows of ${view} as the Storage Write API takes them. The functions build this message from the columns of each batch;
// \`npm run generate\` writes it here for readers.
`;
