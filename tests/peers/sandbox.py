"""Runs a program where the system forbids things; nothing of this machine is changed.

    sandbox.py RESTRICTION PROGRAM [ARGUMENTS]…

Restrictions:
    network RANGE        a network of its own whose net.ipv4.ping_group_range is RANGE, its loopback up
    network-down         a network of its own, its loopback down
    no-user-namespaces   user.max_user_namespaces is 0, for a user without rights
    no-answer            a network of its own with a name server that answers nothing
    seccomp              a filter of system calls refuses unshare(2) and setns(2) (EPERM), as containers have it
    no-mounts            mount(2) and its younger relatives are refused (EACCES), as by Docker's AppArmor profile
    no-proc              /proc is empty, as in a bare root directory
    masked               a part of /proc is covered, as containers have it, so that no other /proc can be mounted; for root
"""
import ctypes
import errno
import fcntl
import os
import platform
import socket
import struct
import sys
import tempfile

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWNET = 0x00020000, 0x10000000, 0x40000000
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP = 24, 38, 22
NOBODY = 65534

libc = ctypes.CDLL(None, use_errno=True)


def done(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def write(path, text):
    with open(path, "w") as file:
        file.write(text)


def enter_user_namespace():
    """The ids stay, where root maps them; else this user is root there."""
    user, group = os.geteuid(), os.getegid()
    if user != 0:
        done(libc.unshare(CLONE_NEWUSER))
        write("/proc/self/setgroups", "deny")
        write("/proc/self/uid_map", f"0 {user} 1")
        write("/proc/self/gid_map", f"0 {group} 1")
        return
    # Only a process outside can write a map of them all.
    (entered, tell_entered), (mapped, tell_mapped) = os.pipe(), os.pipe()
    target = os.getpid()
    if os.fork() == 0:
        os.read(entered, 1)
        write(f"/proc/{target}/uid_map", "0 0 4294967295")
        write(f"/proc/{target}/gid_map", "0 0 4294967295")
        os.write(tell_mapped, b"x")
        os._exit(0)
    done(libc.unshare(CLONE_NEWUSER))
    os.write(tell_entered, b"x")
    os.read(mapped, 1)
    os.wait()


def give_up_rights():
    for capability in range(64):
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    with open("/proc/self/uid_map") as uids:
        single = uids.read().split()[2] == "1"
    if os.geteuid() == 0 and not single:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)


def own_network():
    if os.geteuid() == 0:
        done(libc.unshare(CLONE_NEWNET))
    else:
        enter_user_namespace()
        done(libc.unshare(CLONE_NEWNET))


def loopback_up():
    SIOCSIFFLAGS, IFF_UP = 0x8914, 1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH22x", b"lo", IFF_UP))


def silent_name_server():
    done(libc.unshare(CLONE_NEWNS))
    done(libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None))
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "resolv.conf")
        write(file, "nameserver 127.0.0.1\n")
        done(libc.mount(file.encode(), b"/etc/resolv.conf", None, MS_BIND, None))
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 53))
    os.set_inheritable(server.detach(), True)


def cover_part_of_proc():
    enter_user_namespace()
    done(libc.unshare(CLONE_NEWNS))
    done(libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None))
    done(libc.mount(b"none", b"/proc/sys/fs", b"tmpfs", 0, None))
    # Whoever is in there cannot take it away again.
    enter_user_namespace()
    done(libc.unshare(CLONE_NEWNS))


def empty_proc():
    enter_user_namespace()
    done(libc.unshare(CLONE_NEWNS))
    done(libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None))
    done(libc.mount(b"none", b"/proc", b"tmpfs", 0, None))


def filter_system_calls(x86_64, aarch64, number):
    refused = {"x86_64": x86_64, "aarch64": aarch64}[platform.machine()]
    LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06
    ALLOW, REFUSE = 0x7FFF0000, 0x00050000 | number
    program = [(LOAD, 0, 0, 0)]  # the number of the call
    program += [(EQUAL, len(refused) - n, 0, number) for n, number in enumerate(refused)]
    program += [(RETURN, 0, 0, ALLOW), (RETURN, 0, 0, REFUSE)]
    code = b"".join(struct.pack("HBBI", *line) for line in program)
    kept = ctypes.create_string_buffer(code)
    header = struct.pack("HxxxxxxP", len(program), ctypes.addressof(kept))
    done(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    done(libc.prctl(PR_SET_SECCOMP, 2, header, 0, 0))


restriction, *command = sys.argv[1:]
if restriction == "network":
    own_network()
    loopback_up()
    write("/proc/sys/net/ipv4/ping_group_range", command.pop(0))
elif restriction == "network-down":
    own_network()
elif restriction == "no-answer":
    own_network()
    loopback_up()
    silent_name_server()
elif restriction == "no-user-namespaces":
    enter_user_namespace()
    write("/proc/sys/user/max_user_namespaces", "0")
    give_up_rights()
elif restriction == "seccomp":
    filter_system_calls((272, 308), (97, 268), errno.EPERM)
elif restriction == "no-mounts":
    filter_system_calls((165, 428, 429, 430, 432, 442), (40, 428, 429, 430, 432, 442), errno.EACCES)
elif restriction == "no-proc":
    empty_proc()
elif restriction == "masked":
    cover_part_of_proc()
else:
    sys.exit(f"no such restriction: {restriction}")
os.execv(command[0], command)
