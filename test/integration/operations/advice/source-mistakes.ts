import assert from 'node:assert/strict';
import type { Installation } from '../../../support/installation.ts';
import { type Mistake, PROJECT_VIEW, setProject, sql } from './mistake.ts';

const badShare = (on: Installation) => on.source.change('app_project', 1, { share: 'NaN' });

/** What somebody does to the source. */
export const SOURCE_MISTAKES: Record<string, Mistake> = {
  'a table that cannot be read: the grant that it names': {
    mistake: (on) => sql(on, 'revoke select on app_project from reader'),
    advice: /Run in the source.*resume the view/,
  },
  'a view that cannot be read: the grant that it names': {
    mistake: (on) => sql(on, 'revoke select on pmr_project from reader'),
    advice: /Run in the source.*resume the view/,
  },
  'a key twice in the view: change the view, then resume': {
    mistake: (on) =>
      sql(on, `${PROJECT_VIEW} union all select id, name, null, share, opened, updated_at from app_project`),
    byHand: (on) => sql(on, PROJECT_VIEW),
    advice: /Change the view.*/,
  },
  'a value that BigQuery cannot hold: correct the row, then resume': {
    mistake: badShare,
    byHand: (on) => sql(on, 'update app_project set share = 1 where id = 1'),
    advice: /Then send \{.*/,
  },
  'a view that was replaced, and halts: the payload': {
    mistake: async (on) => {
      await setProject(on, { view_changes: 'halt' });
      await sql(on, PROJECT_VIEW.replace('p.name', 'upper(p.name) as name'));
    },
    advice: /\{"view":"pmr_project","resync":true\}/,
  },
  'a view that lost its columns, and freezes them: give them back, then resume': {
    mistake: async (on) => {
      await setProject(on, { column_changes: 'freeze' });
      await sql(on, `${PROJECT_VIEW.replace('p.updated_at', 'p.updated_at, p.remark')}`);
      await on.extract();
    },
    byHand: async (on) => {
      await sql(on, `drop view pmr_project; ${PROJECT_VIEW}; grant select on pmr_project to reader`);
    },
    advice: /Give the view its former columns.*? resume it/,
  },
  'a log that was restored: resync': {
    mistake: (on) =>
      sql(
        on,
        `delete from models_logging_change; alter sequence models_logging_change_id_seq restart with 1;
        insert into models_logging_change (object_id, content_type_id, action) values ('1', 7, 'changed')`,
      ),
    advice: /Resync the view/,
  },
  'a log that was pruned too far: resync': {
    mistake: (on) => sql(on, 'delete from models_logging_change'),
    advice: /Resync the view/,
  },
  'a sequence that was set back: the statement, then resync': {
    mistake: (on) => sql(on, `select setval('models_logging_change_id_seq', 1)`),
    advice: /Run: select setval\('models_logging_change_id_seq', \d+\); Then resync the view/,
  },
  'log rows with ids that the sequence did not draw: the statement, then resync': {
    mistake: (on) =>
      sql(
        on,
        `insert into models_logging_change (id, object_id, content_type_id, action) values (5001, '1', 7, 'changed')`,
      ),
    advice: /Run: select setval\('models_logging_change_id_seq', 5001\); Then resync the view/,
  },
  'a sequence that hands out ids in advance: the statement, then resume': {
    mistake: (on) => sql(on, 'alter sequence models_logging_change_id_seq cache 20'),
    advice: /Run: alter sequence .* cache 1;.*resume the view/,
  },
  'a sequence that cycles: the statement, then resume': {
    mistake: (on) => sql(on, 'alter sequence models_logging_change_id_seq cycle'),
    advice: /Run: alter sequence .* no cycle;.*resume the view/,
  },
  'a sequence that nobody owns: the statement, then resume': {
    mistake: (on) => sql(on, 'alter sequence models_logging_change_id_seq owned by none'),
    advice: /Run: alter sequence .* owned by .*;.*resume the view/,
  },
  'a function of the view that is gone: create it again, then redrive': {
    mistake: async (on) => {
      await sql(
        on,
        `create function inner_name(n text) returns text language sql as 'select n';
         create function outer_name(n text) returns text language plpgsql as 'begin return inner_name(n); end'`,
      );
      await sql(on, PROJECT_VIEW.replace('p.name', 'outer_name(p.name) as name'));
      assert.equal((await on.extract()).outcome, 'resync requested');
      await sql(on, 'drop function inner_name');
    },
    byHand: (on) => sql(on, `create function inner_name(n text) returns text language sql as 'select n'`),
    advice: /create it again or replace the view\. Then redrive the view/,
  },
  'a table that a function of the view reads is gone: create it again, then redrive': {
    mistake: async (on) => {
      await sql(
        on,
        `create table suffix (is_short boolean, ending text); insert into suffix values (true, '.'); grant select on suffix to reader;
         create function with_suffix(n text) returns text language plpgsql as 'begin return n || (select max(ending) from suffix where is_short); end'`,
      );
      await sql(on, PROJECT_VIEW.replace('p.name', 'with_suffix(p.name) as name'));
      assert.equal((await on.extract()).outcome, 'resync requested');
      await sql(on, 'alter table suffix rename to suffixes');
    },
    byHand: (on) => sql(on, 'alter table suffixes rename to suffix'),
    advice: /is gone, .*create it again.*Then redrive the view/,
  },
  'a column that a function of the view reads is gone: give it back, then redrive': {
    mistake: async (on) => {
      await sql(on, PROJECT_VIEW.replace('p.name', `with_suffix(p.name || '') as name`));
      await sql(on, 'alter table suffix rename column is_short to short');
    },
    byHand: (on) => sql(on, 'alter table suffix rename column short to is_short'),
    advice: /A column of the message is gone .*Then redrive the view/,
  },
  'an expression of the view that fails on a row: change the view, then resume': {
    mistake: (on) => sql(on, PROJECT_VIEW.replace('c.name as', `(1 / (p.name <> 'two')::int)::text as`)),
    byHand: (on) => sql(on, PROJECT_VIEW),
    advice: /which no policy can mend.*/,
  },
  'a key column of another name: the former name, then resume': {
    mistake: (on) => sql(on, 'alter view pmr_project rename column project_id to id'),
    byHand: (on) => sql(on, 'alter view pmr_project rename column id to project_id'),
    advice: /Correct the object that the message names.*resume the view/,
  },
  'a log whose columns have other names: the former names, then resume': {
    mistake: (on) => sql(on, 'alter table models_logging_change rename column action to what'),
    byHand: (on) => sql(on, 'alter table models_logging_change rename column what to action'),
    advice: /CHANGE_LOG_TABLE must name the log.*resume the view/,
  },
  'a log of which the role may not read all columns: the grant that it names': {
    mistake: (on) =>
      sql(
        on,
        `revoke select on models_logging_change from reader;
         grant select (id, date_created, object_id, content_type_id, action) on models_logging_change to reader`,
      ),
    advice: /Run in the source, as its owner: .*/,
  },
  'a function of the view that raises an error: correct the row, then redrive': {
    mistake: async (on) => {
      await sql(
        on,
        `create function checked(n text) returns text language plpgsql as
           'begin if n = ''two'' then raise ''no''; end if; return n; end'`,
      );
      await sql(on, PROJECT_VIEW.replace('p.name', 'checked(p.name) as name'));
    },
    byHand: (on) => sql(on, `update app_project set name = '2' where id = 1`),
    advice: /Correct the row or the function, then redrive the view/,
  },
  'a subquery of the view with two rows: correct them, then redrive': {
    mistake: async (on) => {
      await sql(on, `insert into app_company values (1, 'a'), (2, 'b')`);
      await sql(on, PROJECT_VIEW.replace('c.name as company', '(select name from app_company) as company'));
    },
    byHand: (on) => sql(on, 'delete from app_company where id = 2'),
    advice: /Correct these rows or the view, then redrive the view/,
  },
  'a materialized view without data: fill it, then redrive': {
    mistake: async (on) => {
      await sql(
        on,
        `create materialized view company_names as select id, name from app_company;
         grant select on company_names to reader`,
      );
      await sql(on, PROJECT_VIEW.replace('join app_company c', 'join company_names c'));
      await sql(on, 'refresh materialized view company_names with no data');
    },
    byHand: (on) => sql(on, 'refresh materialized view company_names'),
    advice: /make it ready.*redrive the view/,
  },
  'another log that the search path finds first: let the role find the former, then resume': {
    settings: () => ({}),
    mistake: async (on) => {
      await sql(
        on,
        `create schema other; create table other.models_logging_change (like public.models_logging_change including all);
         create sequence other.s owned by other.models_logging_change.id; grant usage on schema other to reader;
         alter table other.models_logging_change alter id set default nextval('other.s');
         grant select on other.models_logging_change to reader; grant select on sequence other.s to reader`,
      );
      await sql(on, `alter role reader set search_path = other, public`);
    },
    byHand: (on) => sql(on, 'alter role reader reset search_path'),
    advice: /If the log was not moved.*?resume the view/,
  },
  // The last one: it leaves another view source.
  'a lookup column that is gone: import the view source without it, then resume': {
    mistake: (on) =>
      sql(
        on,
        `${PROJECT_VIEW.replace('c.name as company', 'null::text as company').replace(/left join .*? where/, 'where')};
         alter table app_project drop column company_id`,
      ),
    byHand: (on) => setProject(on, { lookups: [] }),
    advice: /the view source, and import that again.*resume the view/,
  },
};
