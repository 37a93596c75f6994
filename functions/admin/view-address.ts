import type { ViewStatus } from '../../shared/control/status.ts';
import { warehouseName } from '../../shared/model/entry-names.ts';
import type { ViewSource } from '../../shared/model/view-source.ts';
import type { AdminContext } from './request.ts';

/** The page of a view. */
export const viewAddress = (view: string): string => `/views/${encodeURIComponent(view)}`;

/** The page that edits a view source. */
export const sourceAddress = (view: string): string => `${viewAddress(view)}/source`;

/** The lookup of one row of a view. */
export const rowAddress = (view: string, key: string): string =>
  `${viewAddress(view)}/row?${new URLSearchParams({ key })}`;

/** Lists of the transactions, failures and checks of one view. */
export const listsOf = (view: string) => {
  const query = new URLSearchParams({ view });
  return {
    transactions: `/transactions?${query}`,
    failures: `/failures?${query}`,
    checks: `/consistency?${query}`,
  };
};

/** The view that the address names; null if no view source has such a name. */
export async function namedView(c: AdminContext): Promise<{ source: ViewSource; status: ViewStatus } | null> {
  const name = c.req.param('name') ?? '';
  if (!warehouseName.safeParse(name).success) return null;
  const { control } = c.get('dependencies');
  const [sources, [status]] = await Promise.all([
    control.viewSources.list(),
    control.status.views(name, { costDays: 1 }),
  ]);
  const source = sources.find((each) => each.name === name);
  return source === undefined || status === undefined ? null : { source, status };
}
