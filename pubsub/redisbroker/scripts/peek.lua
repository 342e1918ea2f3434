-- Returns the position of the log's end and how many messages are kept, and changes nothing;
-- false when there is no record.
if not load() then return false end
trim(false)
return { at(r.offset, r.digest), whole(r.offset - r.front) }
