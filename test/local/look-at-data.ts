import pg from 'pg';
import { dataOption } from './arguments.ts';
import { TARGET_DATASET } from './cloud.ts';

/** What the commands need to find both sides. */
export interface Lookout {
  sourceUrl: string;
  isExternal: boolean;
  /** The data folder that other commands find the stack by. */
  dataFolder: string;
  /** A view to show, if there is one. */
  example: { name: string; targetName: string } | undefined;
}

/** How to look at both sides, in lines for people. */
export function describeLookout({ sourceUrl, isExternal, dataFolder, example }: Lookout): string[] {
  const option = dataOption(dataFolder);
  const { name, targetName } = example ?? { name: 'view', targetName: 'target' };
  const ways = {
    BigQuery: `npm run datahub -- query 'select * from ${TARGET_DATASET}.${targetName} limit 5'${option}`,
    source: `npm run datahub -- query --source 'select * from ${quoted(name)} limit 5'${option}`,
    // The password of a user's own database is not ours to print.
    psql: isExternal ? 'psql "$SOURCE_DATABASE_URL"' : `psql '${sourceUrl}'`,
  };
  return ['Look at the data:', ...Object.entries(ways).map(([where, way]) => `  ${where.padEnd(10)}${way}`)];
}

const quoted = (name: string): string => (/^[a-z_][a-z0-9_]*$/.test(name) ? name : pg.escapeIdentifier(name));
