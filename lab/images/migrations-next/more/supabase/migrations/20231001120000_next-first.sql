-- STAND-IN (lab only): a newer version adds a table.
create table public.lab_next (id integer primary key);
