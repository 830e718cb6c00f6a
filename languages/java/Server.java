import java.io.*;
import java.nio.charset.StandardCharsets;
import java.nio.file.*;
import java.util.*;
import javax.tools.*;

/**
 * Compiles many programs in one virtual machine: {@code java Server.java JAVAC REQUESTS REPLIES OPTION...}.
 *
 * Each program gets a compiler and a file manager of its own; what they share is the warm virtual machine.
 * Whatever is not foreseen ends the process, and javac itself has the word.
 */
class Server {
    static final JavaCompiler COMPILER = ToolProvider.getSystemJavaCompiler();
    static final String COUNT = "\\n(only showing [^\\n]*\\n)?";
    static final String WRONG = "(?s).*\\n[0-9]+ errors?" + COUNT + "([0-9]+ warnings?" + COUNT + ")?";

    public static void main(String[] arguments) throws Exception {
        Path home = Path.of(System.getProperty("java.home")).toRealPath();
        if (!Path.of(arguments[0]).toRealPath().startsWith(home)) System.exit(1); // not the compiler we are
        List<String> options = Arrays.asList(arguments).subList(3, arguments.length);
        try (DataInputStream requests = new DataInputStream(new FileInputStream(arguments[1]));
                OutputStream replies = new FileOutputStream(arguments[2])) {
            replies.write("ready\n".getBytes());
            for (int size; (size = count(requests)) >= 0; ) {
                byte[] path = new byte[size];
                requests.readFully(path);
                replies.write(answer(Path.of(new String(path, StandardCharsets.UTF_8)), options));
            }
        } catch (Throwable problem) {
            Runtime.getRuntime().halt(1);
        }
    }

    static int count(DataInputStream requests) throws IOException {
        StringBuilder digits = new StringBuilder();
        for (int next; (next = requests.read()) != '\n'; digits.append((char) next)) if (next < 0) return -1;
        return Integer.parseInt(digits.toString());
    }

    static byte[] answer(Path directory, List<String> options) throws IOException {
        Path source = directory.resolve("Problem.java");
        boolean renamed = Files.readString(source).contains("public class Main"); // fails on what is not UTF-8
        if (renamed) source = Files.copy(source, directory.resolve("Main.java"));
        StandardJavaFileManager files = COMPILER.getStandardFileManager(null, null, null);
        files.setLocationFromPaths(StandardLocation.CLASS_OUTPUT, List.of(directory));
        StringWriter said = new StringWriter();
        JavaFileObject unit = new Relative(files.getJavaFileObjects(source).iterator().next());
        boolean compiled = COMPILER.getTask(new PrintWriter(said), files, null, options, null, List.of(unit)).call();
        files.close();
        if (renamed) Files.delete(source);
        if (!compiled && !said.toString().matches(WRONG)) throw new IllegalStateException("neither compiled nor wrong");
        byte[] errors = said.toString().getBytes(StandardCharsets.UTF_8);
        ByteArrayOutputStream reply = new ByteArrayOutputStream();
        reply.write(((compiled ? 0 : 1) + " 0 " + errors.length + "\n").getBytes());
        reply.write(errors);
        return reply.toByteArray();
    }

    /** A source under the name that javac, started in the work directory, would be given. */
    static class Relative extends ForwardingJavaFileObject<JavaFileObject> {
        Relative(JavaFileObject file) {
            super(file);
        }

        @Override
        public String getName() {
            return Path.of(super.getName()).getFileName().toString();
        }
    }
}
