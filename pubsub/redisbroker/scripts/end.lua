-- Returns the position of the log's end, which lives on for its time from now.
if not load() then begin(ARGV[5]) end
put_off()
return at(r.offset, r.digest)
