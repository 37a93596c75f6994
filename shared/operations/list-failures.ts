import type { FailureGroup } from '../control/failure-groups.ts';
import type { OperationOf } from '../events/operation-event.ts';
import type { Dependencies } from '../runtime/dependencies.ts';

const GROUPS = 50;
/** As many as one `redrive` or `resolve` takes. */
const IDS = 1000;

/** Failures of one kind and reason; times are ISO 8601. `ids` are those of the open ones, the oldest first, for `redrive` and `resolve`. */
export type ListedFailures = Omit<FailureGroup, 'firstAt' | 'lastAt' | 'lastId'> & {
  firstAt: string;
  lastAt: string;
  lastId: string;
  ids: string[];
};

/** The open failures by their reason, first those that halt a view; or the resolved ones, as long as they are kept. Reads only. */
export async function listFailures(
  { view, kind, isOpen }: OperationOf<'failures'>,
  { control }: Pick<Dependencies, 'control'>,
) {
  if (view !== undefined) await control.viewSources.get(view);
  const { failureGroups } = control;
  const groups = await failureGroups.groups({ isOpen, view, kind }, GROUPS);
  const listed: ListedFailures[] = [];
  for (const group of groups) {
    const ids = isOpen ? await failureGroups.seen({ group: group.group, upTo: group.lastId, view }, IDS) : [];
    listed.push({
      ...group,
      firstAt: group.firstAt.toISOString(),
      lastAt: group.lastAt.toISOString(),
      lastId: String(group.lastId),
      ids: ids.map(({ id }) => String(id)),
    });
  }
  return { outcome: 'failures', groups: listed };
}
