import { importConfiguration } from '../../../../shared/operations/import-configuration.ts';
import { type Installation, PROJECT_ENTRY, type STREAMED_ENTRY } from '../../../support/installation.ts';

/** A failure, and the only thing that mends it. */
export type Mistake = {
  /** What somebody did to the installation. */
  mistake?: (on: Installation) => Promise<unknown>;
  /** The environment of the process that fails, where it differs: whoever deploys again gives the next process the former one. */
  settings?: (on: Installation) => Record<string, string>;
  /** Whether the failure is met when a staged batch is applied, not by the next capture. */
  whenApplied?: true;
  /** The change that the staged batch carries, if any will not do. */
  staged?: (on: Installation) => Promise<unknown>;
  /** The part of the advice that is followed. */
  advice: RegExp;
  /** What a person must do before, since the advice leaves it to them. */
  byHand?: (on: Installation) => Promise<unknown>;
  view?: typeof STREAMED_ENTRY.name;
  /** Whether the reporting view shows everything only after another tick. */
  needsTick?: true;
};

export const sql = (on: Installation, text: string) => on.source.database.query(text);

export const PROJECT_VIEW = `create or replace view pmr_project as
  select p.id as project_id, p.name, c.name as company, p.share, p.opened, p.updated_at
  from app_project p left join app_company c on c.id = p.company_id where not p.is_dummy`;

export const setProject = (on: Installation, fields: Partial<typeof PROJECT_ENTRY>) =>
  importConfiguration({ entries: [{ ...PROJECT_ENTRY, ...fields }] }, on.dependencies);

export const requestResync = (on: Installation) =>
  on.dependencies.control.viewStops.requestResync('pmr_project', { isWanted: true, acceptsDeletes: false });
