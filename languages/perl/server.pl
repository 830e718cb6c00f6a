# The fork server: part of the one-shot command, run where that is about to read the program. A grandchild only has to
# return to behave as it would. Nothing here may leave a name behind.
use strict;
my ($requests_path, $replies_path) = (delete $ENV{REQUESTS}, delete $ENV{REPLIES});
my ($feed) = $0 =~ /(\d+)\z/;
my @before = keys %INC;

# Syscalls by their numbers: the module that has these functions is not for programs that did not ask for it.
open(my $self, '<', '/proc/self/exe') or exit 1;
sysread($self, my $elf, 20);
close($self);
my ($capset, $dup3, $setsid, $exit) = @{
    { 62 => [126, 292, 112, 231], 183 => [91, 24, 157, 94] }->{ unpack('x18 v', $elf) } || exit 1
};

# Every program uses it, but none before the first line that says so: see below.
require Test::Deep;
my %known = map { (s{/}{::}gr =~ s/\.p[lm]\z//r) => 1 } keys %INC;
delete @known{ map { s{/}{::}gr =~ s/\.p[lm]\z//r } @before };
my ($modules, $pragmas) = map { join '|', @$_ } [grep { /[A-Z]/ } keys %known], [grep { !/[A-Z]/ } keys %known];
my $name = qr/\b(?:($modules)\b|($pragmas)(?=::|\s*->))/;

# Perl has opened the script already: whatever it holds it open by is to become the program's pipe.
my @places = grep { (readlink("/proc/self/fd/$_") // '') eq readlink("/proc/self/fd/$feed") } 3 .. 63;
open(my $requests, '<', $requests_path) or exit 1;
open(my $replies, '>', $replies_path) or exit 1;
syswrite($replies, "ready\n");

my ($text, $count) = ('');
my $die = sub { kill 'KILL', $$ };    # a death that says nothing about the program
while (1) {
    # What follows the line is for a child to read.
    for ($count = ''; $count !~ /\n/;) { sysread($requests, $count, 1, length $count) or exit 1 }
    my $child = fork // exit 1;
    if ($child) {
        waitpid($child, 0);
        exit 1 if $?;    # the next request would be read from the middle of this one
        next;
    }
    while (length $text < $count) { sysread($requests, $text, $count - length $text, length $text) or last }
    my $grandchild = fork // syscall($exit, 1);
    last unless $grandchild;
    syscall($exit, 0);
}
syswrite($replies, "$$\n");
close($requests);
close($replies);

pipe(my $reading, my $writing) or $die->();
fcntl($writing, 4, 2048);    # F_SETFL, O_NONBLOCK
fcntl($writing, 1031, length $text) if length $text > 1 << 16;    # F_SETPIPE_SZ
(syswrite($writing, $text) // 0) == length $text or $die->();
close($writing);
syscall($dup3, fileno $reading, $_, $_ == $feed ? 0 : 02000000) for @places;    # O_CLOEXEC
close($reading);
syscall($setsid);
my ($version, $nothing) = (pack('LL', 0x20080522, 0), "\0" x 24);
syscall($capset, $version, $nothing) == 0 && chdir $ENV{HOME} or $die->();

# What is loaded already can be told from what is not by the way a name of it parses: a program that names such a thing
# before it uses it is run as if there were no server.
my ($before) = $text =~ /\A(.*?)^use Test::Deep\b/ms;
my $told = !defined $before || $before =~ /<<|^=|^__/m;    # where a line is perhaps no statement
while (!$told && $before =~ /$name/g) {
    my $known = $1 // $2;
    $told = substr($before, 0, pos($before) - length $known) !~ /^\s*use\s+(?:\z|\Q$known\E\b)/m;
}
if ($told) {
    open(my $line, '<', '/proc/self/cmdline') or $die->();
    local $/ = "\0";
    chomp(my @words = <$line>);
    exec { $^X } grep { !/\Q${\__FILE__}\E/ } @words or $die->();
}
delete $INC{+__FILE__};
