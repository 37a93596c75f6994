import { Hono } from 'hono';
import { z } from 'zod';
import type { DataHubError } from '../../../shared/errors.ts';
import { warehouseName } from '../../../shared/model/entry-names.ts';
import type { ViewSourceEntry } from '../../../shared/model/view-source-entry.ts';
import type { Dependencies } from '../../../shared/runtime/dependencies.ts';
import { findContentTypes } from '../../../shared/source/content-types.ts';
import { proposeEntry, readViewNames } from '../../../shared/source/propose-entry.ts';
import { inSnapshot } from '../../../shared/source/snapshot.ts';
import { assertOperator } from '../access/user.ts';
import { parseFields, textField } from '../parse-fields.ts';
import { missingPart, type Part, readPart } from '../part.ts';
import type { AdminContext, AdminEnv } from '../request.ts';
import {
  confirmImport,
  problemNote,
  reasonProblems,
  refusedNote,
  requestOf,
} from '../sources/confirm-import.ts';
import { entryForm, type Offers } from '../sources/entry-form.ts';
import { type FormValues, formValues, givenValues, readEntry } from '../sources/entry-form-values.ts';
import { type ImportPreview, previewImport, previewSections } from '../sources/preview.ts';
import { forecastTarget, type TargetForecast, targetSection } from '../sources/target-forecast.ts';
import { type Html, html } from '../ui/html.ts';
import { page } from '../ui/layout.ts';
import { sourceAddress, viewAddress } from '../view-address.ts';

/** Seconds for what the source's catalog offers. */
const OFFER_SECONDS = 5;
const NEW = '/sources/new';

const query = z.strictObject({ view: textField(200).optional() });
const sent = z.object({ seen: textField(64).default(''), why: z.string().default('') });

/** A view source in a form: it is checked as often as wanted, then saved. For operators. */
export function source(): Hono<AdminEnv> {
  const app = new Hono<AdminEnv>();
  app.get(NEW, async (c) => {
    assertOperator(c.get('user'));
    const { view } = parseFields(query, c.req.query());
    return view === undefined ? await answerChoice(c) : await answerNew(c, view);
  });
  app.post(NEW, async (c) => await act(c, null));
  app.get('/views/:name/source', async (c) => {
    assertOperator(c.get('user'));
    const entry = await storedEntry(c);
    if (entry === null) return await c.notFound();
    return await answer(c, { stored: entry, values: formValues(entry), seen: await seenOf(c, [entry.name]) });
  });
  app.post('/views/:name/source', async (c) => {
    const entry = await storedEntry(c);
    return entry === null ? await c.notFound() : await act(c, entry);
  });
  return app;
}

const viewSourcesOf = (c: AdminContext) => c.get('dependencies').control.viewSources;

const seenOf = async (c: AdminContext, names: string[]) => await viewSourcesOf(c).fingerprint(names);

/** The view source that the address names; null if there is none. */
async function storedEntry(c: AdminContext): Promise<ViewSourceEntry | null> {
  const stored = await viewSourcesOf(c).entries();
  return stored.find(({ entry }) => entry.name === c.req.param('name'))?.entry ?? null;
}

/** Asks which view of the source is meant. */
async function answerChoice(c: AdminContext): Promise<Response> {
  const views = await readOffers(c, readViewNames);
  const taken = new Set((await viewSourcesOf(c).entries()).map(({ entry }) => entry.name));
  const free = (views.value ?? []).filter(
    (name) => !taken.has(name) && warehouseName.safeParse(name).success,
  );
  return await page(c, {
    title: 'New view source',
    main: html`${HEAD}<h1>New view source</h1><p>Choose a view of the source: its main table, key and lookups are proposed.</p>
${views.error === undefined ? '' : missingPart('The views of the source', views.error)}
<form class="fields" method="get" action="${NEW}"><label>View of the source <input name="view" list="views" autocomplete="off" spellcheck="false" required></label>
<datalist id="views">${free.map((name) => html`<option value="${name}">`)}</datalist><button class="main">Continue</button></form>
${free.length === 0 ? '' : html`<h2>Views that are not replicated yet</h2><ul>${free.map((name) => html`<li><a href="${NEW}?${new URLSearchParams({ view: name })}">${name}</a></li>`)}</ul>`}`,
  });
}

const HEAD = html`<p class="path"><a href="/sources">View sources</a></p>`;

/** The form with what the catalog proposes for a view. */
async function answerNew(c: AdminContext, view: string): Promise<Response> {
  const found = await readProposal(c, view);
  const entry = { load_type: 'merge' as const, ...found.value?.entry, name: view, target_name: view };
  return await answer(c, { stored: null, values: formValues(entry), seen: await seenOf(c, []) });
}

const readOffers = async <T>(
  c: AdminContext,
  read: (client: Parameters<typeof proposeEntry>[0]) => Promise<T>,
) =>
  await readPart(
    'the source',
    OFFER_SECONDS,
    async () => await inSnapshot(c.get('dependencies').source, read),
  );

const readProposal = async (c: AdminContext, view: string) =>
  await readOffers(
    c,
    async (client) =>
      await proposeEntry(
        client,
        view,
        await findContentTypes(client, c.get('dependencies').config.contentTypeTable),
      ),
  );

/** Checks or saves what was filled in. `stored` is the view source that is edited; null for a new one. */
async function act(c: AdminContext, stored: ViewSourceEntry | null): Promise<Response> {
  const form = await c.req.parseBody();
  const { seen, why } = parseFields(sent, { seen: form.seen, why: form.why });
  const values = givenValues(form);
  const shown: Shown = { stored, values, seen, why };
  const read = readEntry(values);
  const problems = [
    ...(read.problems ?? (await nameProblems(c, read.entry, stored, form))),
    ...reasonProblems(form.why),
  ];
  if (problems.length > 0 || read.problems !== undefined) {
    return await answer(c, { ...shown, note: problemNote(problems) }, 400);
  }
  const { entry } = read;
  const dependencies = c.get('dependencies');
  if (form.step !== 'save')
    return await answer(c, { ...shown, preview: await previewEntry(entry, dependencies) });
  const done = await confirmImport(c, [entry], form, viewAddress(entry.name));
  if (done instanceof Response) return done;
  return await answerRefused(c, { ...shown, failure: done.failure }, entry, done.status);
}

/** What is wrong with the name, which the schema cannot know. A form that was sent twice finds its own view source. */
async function nameProblems(
  c: AdminContext,
  entry: ViewSourceEntry,
  stored: ViewSourceEntry | null,
  { requestId }: Readonly<Record<string, unknown>>,
): Promise<string[]> {
  const { name } = entry;
  if (stored !== null) {
    return name === stored.name
      ? []
      : [`The name stays ${stored.name}: another name is another view source.`];
  }
  const { control } = c.get('dependencies');
  const isTaken = (await control.viewSources.entries()).some((each) => each.entry.name === name);
  if (!isTaken) return [];
  const isSent =
    z.uuid().safeParse(requestId).success &&
    (await control.audit.idOf(requestOf(String(requestId), [entry]))) !== null;
  return isSent ? [] : [`There is a view source ${name} already. Edit that one.`];
}

/** Somebody who was told that another one saved sees the differences to what is stored now, and decides again. */
async function answerRefused(
  c: AdminContext,
  { failure, ...shown }: Shown & { failure: DataHubError },
  entry: ViewSourceEntry,
  status: 400 | 409 | 503,
): Promise<Response> {
  const note = refusedNote(failure);
  if (status !== 409) return await answer(c, { ...shown, note }, status);
  const preview = await previewEntry(entry, c.get('dependencies'));
  return await answer(c, { ...shown, note, preview, seen: preview.seen }, status);
}

type EntryPreview = ImportPreview & { target: TargetForecast };

async function previewEntry(entry: ViewSourceEntry, dependencies: Dependencies): Promise<EntryPreview> {
  const [preview, target] = await Promise.all([
    previewImport([entry], dependencies),
    forecastTarget(entry, dependencies),
  ]);
  return { ...preview, target };
}

type Shown = {
  stored: ViewSourceEntry | null;
  values: FormValues;
  seen: string;
  why?: string;
  note?: Html | '';
  preview?: EntryPreview;
};

async function answer(
  c: AdminContext,
  { stored, values, seen, why = '', note = '', preview }: Shown,
  status: 200 | 400 | 409 | 503 = 200,
): Promise<Response> {
  const view = stored?.name ?? values.name ?? '';
  const found = await readProposal(c, view);
  const isFed = stored !== null && (await c.get('dependencies').control.forgetting.history(view)).batches > 0;
  c.status(status);
  return await page(c, {
    title: stored === null ? 'New view source' : `Edit ${view}`,
    main: html`${HEAD}<h1>${stored === null ? 'New view source' : html`Edit <span class="subject">${view}</span>`}</h1>
${offerNote(found, view)}${note}${preview === undefined ? '' : html`${previewSections(preview)}${targetSection(preview.target)}`}
${entryForm(c, {
  address: stored === null ? NEW : sourceAddress(view),
  values,
  seen,
  why,
  offers: offersOf(found),
  stored: stored === null ? null : { view, isFed },
})}`,
  });
}

type Found = Part<Awaited<ReturnType<typeof proposeEntry>>>;

const offersOf = ({ value }: Found): Offers => ({
  columns: value?.columns ?? [],
  tables: value?.tables ?? [],
  keys: value?.keys ?? [],
  appLabels: [...new Set(value?.contentTypes.map(({ app_label }) => app_label))],
  models: [...new Set(value?.contentTypes.map(({ model }) => model))],
});

function offerNote({ value, error }: Found, view: string): Html | '' {
  if (error !== undefined) return missingPart('What the source offers', error);
  return value === null
    ? html`<div class="alert"><p>The source has no view ${view} that may be read. Fill in the fields by hand, or <a href="${NEW}">choose another view</a>.</p></div>`
    : '';
}
