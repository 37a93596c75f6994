import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { DEFAULT_DATA_FOLDER } from '../local/arguments.ts';
import { untilIdle, untilLoaded } from '../local/catch-up.ts';
import { Cleanup } from '../local/cleanup.ts';
import { callFunction } from '../local/functions.ts';
import { type Stack, startStack } from '../local/stack.ts';
import { makeThrowawayFolder } from '../local/throwaway-folder.ts';
import { Workload } from '../smartapp/workload.ts';
import { createOptions } from '../support/script-options.ts';
import { until } from '../support/until.ts';
import { fillDay } from './fill-day.ts';
import { launch } from './use-browser.ts';

// Writes the pictures of the documents, and one of each main page to a folder: light, dark, and on a phone. They show SMartApp's views, whose
// last day the control database has been told, with rows that somebody changed in BigQuery, a pause, and a value that halts a view.

const DOCUMENTS = fileURLToPath(new URL('../../docs/images', import.meta.url));
const FOLDER = join(DEFAULT_DATA_FOLDER, 'screenshots');

const SIZES = {
  light: { colorScheme: 'light', viewport: { width: 1280, height: 800 } },
  dark: { colorScheme: 'dark', viewport: { width: 1280, height: 800 } },
  phone: { colorScheme: 'light', viewport: { width: 390, height: 844 } },
} as const;

/** The pictures that the documents show. */
const DOCUMENT_NAMES: Record<string, string> = {
  'overview-light': 'overview.png',
  'overview-dark': 'overview-dark.png',
  'view-light': 'view.png',
};

createOptions(`Usage: npm run screenshots

  --help, -h    prints this

Writes docs/images, and a picture of each main page to .data/screenshots. Takes some minutes.`).read({});

const say = (line: string): void => console.log(line);
process.env.METADATA_SERVER_DETECTION ??= 'none';
const { signal } = new AbortController();
{
  await using cleanup = new Cleanup(say);
  const dataFolder = await makeThrowawayFolder(DEFAULT_DATA_FOLDER);
  cleanup.defer('the data folder', () => rm(dataFolder, { recursive: true, force: true }));
  const options = {
    dataFolder,
    isThrowaway: true,
    scale: 0.05,
    seed: 1,
    tickMs: 500,
    verbose: false,
    inspect: false,
    say: () => {},
    signal,
  };
  const stack = await startStack(options, cleanup);
  const control = new pg.Pool({ connectionString: stack.controlUrl });
  cleanup.defer('the connections', () => control.end());
  await live(stack, control);
  await photograph(stack.adminUrl, await pagesOf(control));
}
process.exit(0);

/** Lets users change rows, operators act, and somebody else write to BigQuery. */
async function live(
  { applicationUrl = '', controlUrl, functions, cloud }: Stack,
  control: pg.Pool,
): Promise<void> {
  const counted = async (rows: string): Promise<number> =>
    (await control.query(`select count(*)::int4 as n from ${rows}`)).rows[0].n;
  const watched = { controlUrl, extractUrl: functions.extract };
  say('Loading SMartApp');
  await untilLoaded(watched, signal);
  await fillDay(control);
  say('Changing rows');
  await new Workload({ connectionString: applicationUrl, seed: 1 }).run({ changes: 200 });
  await untilIdle(watched, signal);
  say('Checking, and breaking something');
  await callFunction(functions.reconcile, { repair: true });
  await until(async () => (await counted('etl.consistency_check where is_consistent')) === 5);
  const target = `\`${cloud.bigquery.projectId}.SMartDataAnalytics.pm_item\``;
  await cloud.bigquery.query(
    `update ${target} set is_pm = not is_pm where pm_item_id in (select pm_item_id from ${target} limit 14)`,
  );
  await callFunction(functions.reconcile, { view: 'pmr_pm_item' });
  await until(async () => (await counted('etl.consistency_check where not is_consistent')) === 1);
  await callFunction(functions.extract, {
    view: 'pmr_pm_plan',
    pause: true,
    by: 'olga@example.com',
    why: 'the source moves to a new server',
  });
  await haltInventory(applicationUrl);
  await until(async () => (await counted('etl.view_source where halted_at is not null')) === 1);
}

/** A date that BigQuery cannot hold, as SMartApp would save it. */
async function haltInventory(connectionString: string): Promise<void> {
  const source = new pg.Pool({ connectionString });
  await source.query(`with changed as (
      update app_inventory set customer_warranty_end = 'infinity' where id = (select min(inventory_id) from pmr_inventory) returning id)
    insert into models_logging_change (date_created, object_id, object_repr, content_type_id, action, changed_data)
    select now(), id::text, '', (select id from django_content_type where model = 'inventory'), 'changed', '{}' from changed`);
  await source.end();
}

async function pagesOf(control: pg.Pool): Promise<Record<string, string>> {
  const { rows } = await control.query(`select
    (select max(id) from etl.etl_transaction where view_name = 'pmr_pm_item' and state = 'applied') as batch,
    (select max(id) from etl.consistency_check where is_consistent = false) as check,
    (select min(key) from etl.consistency_difference d join etl.consistency_check c on c.id = d.check_id where not c.is_consistent) as key`);
  const [{ batch, check, key }] = rows;
  return {
    overview: '/',
    view: '/views/pmr_pm_item',
    halted: '/views/pmr_inventory',
    row: `/views/pmr_pm_item/row?key=${key}`,
    repair: '/views/pmr_pm_item/repair',
    transactions: '/transactions',
    transaction: `/transactions/${batch}`,
    failures: '/failures',
    consistency: '/consistency',
    check: `/consistency/${check}`,
    report: '/report',
    sources: '/sources',
    source: '/views/pmr_pm_item/source',
    audit: '/audit',
  };
}

/** Whole pages; those of the documents as they stand in a window. */
async function photograph(url: string, pages: Record<string, string>): Promise<void> {
  await using cleanup = new AsyncDisposableStack();
  const browser = await launch();
  cleanup.defer(() => browser.close());
  await mkdir(FOLDER, { recursive: true });
  for (const [size, look] of Object.entries(SIZES)) {
    const page = await browser.newPage({ ...look, locale: 'en-GB', timezoneId: 'Europe/Berlin' });
    for (const [name, path] of Object.entries(pages)) {
      await page.goto(`${url}${path}`);
      await page.screenshot({ path: join(FOLDER, `${name}-${size}.png`), fullPage: true });
      const document = DOCUMENT_NAMES[`${name}-${size}`];
      if (document !== undefined) await page.screenshot({ path: join(DOCUMENTS, document) });
    }
    await page.close();
  }
  say(`Wrote ${Object.values(DOCUMENT_NAMES).join(', ')} in docs/images, and every page in ${FOLDER}`);
}
