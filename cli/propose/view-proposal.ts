import type { ViewSourceEntry } from '../../shared/model/view-source-entry.ts';

type Lookup = ViewSourceEntry['lookups'][number];

/** The fields that a proposal may set, as the file has them; what it does not know is missing. */
export type ProposedEntry = Partial<Omit<ViewSourceEntry, 'lookups' | 'name' | 'target_name'>> & {
  name: string;
  target_name: string;
  lookups?: (Pick<Lookup, 'table' | 'column'> & Partial<Pick<Lookup, 'app_label' | 'model'>>)[];
};

/** What is proposed for one view. */
export type ViewProposal = {
  entry: ProposedEntry;
  /** Why, by field. */
  reasons: Record<string, string>;
  /** What a person must decide or mend, as sentences. */
  todo: string[];
  /** What is no mistake, but may surprise, as sentences. */
  notes: string[];
  /** Null if the rows were not counted. */
  rows: number | null;
};

/** A proposal of which nothing is known yet. The target is named after the view, in a form that BigQuery accepts. */
export const newProposal = (name: string): ViewProposal => ({
  entry: { name, target_name: plainName(name) ?? 'rename_me' },
  reasons: {},
  todo: [],
  notes: [],
  rows: null,
});

/** The name with letters, digits and underscores only; null if too little of it is left. */
export function plainName(name: string): string | null {
  const plain = name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replace(/[^A-Za-z0-9_]+/g, '_')
    .replace(/^_+|_+$/g, '');
  const begun = /^\d/.test(plain) ? `_${plain}` : plain;
  return /[A-Za-z]/.test(begun) ? begun : null;
}
