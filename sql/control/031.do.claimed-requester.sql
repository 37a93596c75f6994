-- Whom a request names as its author, beside whom the platform has checked. Applied once, under a lock, by the first function that needs it.
alter table etl.audit add column claimed_by text;
comment on column etl.audit.requested_by is 'whom the platform has checked: the signed-in user of the page, or the account that called; null when nobody was checked, as with a message';
comment on column etl.audit.claimed_by is 'whom the call or message names, where that is not requested_by; anybody can name anybody';
-- Until now a message was stored with whom it names as if that had been checked. With a call, nobody can tell any more.
update etl.audit set claimed_by = requested_by, requested_by = null where via = 'message' and requested_by is not null;
